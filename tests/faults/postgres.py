"""A Postgres of the fault tests' own, which they may kill, pause and fill."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from receiver.domain.errors import SetupError
from receiver.embedded.place import SOCKET_NAME, find_place
from receiver.embedded.server import Server
from receiver.store import partitions, schema
from receiver.store.database import connect
from tests.cli.processes import eventually
from tests.faults.processes import children

#: Orphaned backends hold the shared memory of a killed server for a moment.
START_SECONDS: Final = 30.0


class Postgres:
    """One server, started and stopped by hand: nobody starts it again behind the test's back."""

    def __init__(self, folder: Path) -> None:
        self._place = find_place(folder, announce=print)
        self._server = Server(self._place)
        self.url = self._place.url
        self.socket = self._place.socket / SOCKET_NAME

    @property
    def backends(self) -> Sequence[int]:
        """Return the processes of the server but the postmaster."""
        return children(self._server.pid) if self._server.alive() else []

    @property
    def postmaster(self) -> int:
        """Return the process that forks all others."""
        return self._server.pid

    def start(self) -> None:
        """Bring the server up, if it isn't."""
        until = time.monotonic() + START_SECONDS
        while not self._server.alive():
            try:
                self._server.start()
            except (SetupError, psycopg.Error):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def stop(self) -> None:
        """Shut the server down: what is committed stays."""
        self._server.stop()

    def kill(self) -> None:
        """Kill the postmaster, as the kernel does when memory runs out."""
        os.kill(self.postmaster, signal.SIGKILL)
        eventually(lambda: not self._server.alive())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have no server as long as the context lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def paused(self, pids: Sequence[int]) -> Iterator[None]:
        """Let some of its processes do nothing as long as the context lasts."""
        try:
            _send(pids, signal.SIGSTOP)
            yield
        finally:
            _send(pids, signal.SIGCONT)

    def migrate(self) -> None:
        """Make the tables and the partitions that will soon be needed."""
        schema.upgrade(self.url)
        with connect(self.url) as connection:
            partitions.ensure(connection, today=datetime.now(UTC).date(), days_ahead=2)

    def run(self, *statements: str) -> None:
        """Execute statements, each on its own, over a connection that may write."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            for statement in statements:
                connection.execute(statement.encode())


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
