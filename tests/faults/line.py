"""A relay before Postgres: cut at a chosen moment, or silent like a path that drops everything."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Final

CHUNK_BYTES: Final = 64 * 1024


class Moment(Enum):
    """When a connection is cut; the value is what tells the moment, among the bytes that pass."""

    IN_BATCH = b'"transid"'  # half of a batch goes on its way
    AFTER_COMMIT = b"C\x00\x00\x00\x0bCOMMIT\x00"  # the server's answer, which nobody gets


class Line:
    """Listens on loopback and passes on to a server's socket, for as many as come."""

    def __init__(self, upstream: Path) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut_at: Moment | None = None
        self._cut = threading.Event()
        self._silent = False
        threading.Thread(target=self._listen, name="line", daemon=True).start()

    @property
    def port(self) -> int:
        """Return where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self, moment: Moment, *, seconds: float) -> bool:
        """Cut the connection on which `moment` comes next; False where it didn't come in time."""
        self._cut.clear()
        self._cut_at = moment
        return self._cut.wait(seconds)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Take connections and bytes, and pass nothing on, as long as the context lasts."""
        self._silent = True
        try:
            yield
        finally:
            self._hang_up()  # what was swallowed is missing in them
            self._silent = False

    def close(self) -> None:
        """Close the listener and every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            _shut(end)

    def _listen(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            with self._lock:
                self._ends |= {client, server}
            with suppress(OSError):
                server.connect(str(self._upstream))
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()
            with self._lock:
                self._ends -= {client, server}

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while passing := source.recv(CHUNK_BYTES):
                if self._silent:
                    continue
                if self._is_moment(passing):
                    self._end(passing, target)
                    break
                target.sendall(passing)
        _shut(source)
        _shut(target)

    def _is_moment(self, passing: bytes) -> bool:
        return self._cut_at is not None and self._cut_at.value in passing

    def _end(self, passing: bytes, target: socket.socket) -> None:
        if self._cut_at is Moment.IN_BATCH:
            target.sendall(passing[: len(passing) // 2])
        self._cut_at = None
        self._cut.set()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
