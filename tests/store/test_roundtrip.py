"""What statements that are sent together need of the socket that they go over."""

import os
import resource
from contextlib import ExitStack

from receiver.store.database import connect
from receiver.store.roundtrip import roundtrip

#: `select` knows no descriptor from here on.
MANY = 1024


def test_the_descriptor_may_have_any_number(database_url: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        for _ in range(MANY):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        connection = stack.enter_context(connect(database_url))

        assert connection.fileno() >= MANY
        assert roundtrip(connection, [("SELECT 1", {})]) == [[("1",)]]
