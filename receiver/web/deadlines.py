"""Deadlines on what waits for a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import gevent

from receiver.domain.errors import StoreAwayError

#: How long a question to Postgres may take where an answer can do without it, or must be quick.
QUESTION_SECONDS: Final = 2.0


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise StoreAwayError where the block has not ended after `seconds`."""
    timeout = gevent.Timeout.start_new(seconds)
    try:
        yield
    except gevent.Timeout as ended:
        if ended is not timeout:
            raise
        raise StoreAwayError("the database did not answer in time") from None
    finally:
        timeout.close()
