"""The load: one thread, epoll, raw sockets that are kept alive, and a journal of every request.

It shares the processors with what it measures, so it does as little as it can for each request.
"""

import contextlib
import random
import select
import socket
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Final, Self

#: What the journal holds for a request that got no whole answer.
BROKEN: Final = 0
#: Answers that are as they should be: a notification is taken, or what is known still holds.
GOOD: Final = frozenset({HTTPStatus.OK, HTTPStatus.NOT_MODIFIED})
#: How long answers are waited for once nothing more is sent.
GRACE_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
_READ_BYTES: Final = 65_536
_LENGTH: Final = b"Content-Length: "
_CLOSING: Final = b"onnection: close"
_IDLE: Final = -1

#: Ids, and the bytes of the requests that carry them.
Requests = Iterator[tuple[str, bytes]]


@dataclass(slots=True)
class Journal:
    """Every request in the order they were sent; times in seconds, `finished` from the start."""

    ids: list[str] = field(default_factory=list)
    statuses: "array[int]" = field(default_factory=lambda: array("H"))
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    finished: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: float = 0.0
    """How long requests were sent; answers were waited for a little longer."""

    def add(self, id_: str) -> int:
        """Write down a request that is being sent; return its number."""
        self.ids.append(id_)
        self.statuses.append(BROKEN)
        self.latencies.append(0.0)
        self.finished.append(0.0)
        return len(self.ids) - 1

    @property
    def answered(self) -> list[str]:
        """The ids that had a good answer, also after the end."""
        found = zip(self.ids, self.statuses, strict=True)
        return [id_ for id_, status in found if status in GOOD]

    @property
    def refused(self) -> dict[int, int]:
        """How often each other status came; BROKEN among them."""
        others = set(self.statuses) - GOOD
        return {status: self.statuses.count(status) for status in sorted(others)}

    @property
    def rate(self) -> float:
        """Requests a second that had a good answer before the end."""
        found = zip(self.statuses, self.finished, strict=True)
        good = sum(status in GOOD and at <= self.seconds for status, at in found)
        return good / self.seconds

    @property
    def sorted_latencies(self) -> list[float]:
        """The seconds that good answers took, the shortest first."""
        found = zip(self.statuses, self.latencies, strict=True)
        return sorted(latency for status, latency in found if status in GOOD)


class NobodyAnswersError(Exception):
    """No connection to the server can be had any more."""


@dataclass(slots=True, eq=False)
class _Line:
    """One connection with at most one request on its way."""

    socket: socket.socket
    number: int = _IDLE
    due_at: float = 0.0
    received: bytes = b""


class Load:
    """Connections to one server, and the requests that it gets over them.

    Use it as a context for one visit: its end closes the connections.
    """

    def __init__(self, address: tuple[str, int], requests: Requests, *, connections: int) -> None:
        self._address = address
        self._requests = requests
        self._epoll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self._idle: deque[_Line] = deque()
        self._journal = Journal()
        self._start = 0.0
        for _ in range(connections):
            self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines.values():
            line.socket.close()
        self._epoll.close()

    def closed(self, seconds: float) -> Journal:
        """Send on every connection as soon as it has its answer, for so long."""
        self._begin(seconds)
        end = self._start + seconds
        while perf_counter() < end:
            while self._idle:
                self._send(self._idle.popleft(), perf_counter())
            self._collect(end - perf_counter())
        return self._drained()

    def open(self, seconds: float, *, rate: float, seed: int) -> Journal:
        """Send `rate` requests a second at random moments, whether answers come or not.

        A request that finds no free connection waits for one; its time runs since it was due.
        """
        self._begin(seconds)
        gap = random.Random(seed).expovariate  # noqa: S311
        due_at, end = self._start + gap(rate), self._start + seconds
        while due_at < end and (now := perf_counter()) < end + GRACE_SECONDS:
            if not self._idle:
                self._collect(GRACE_SECONDS)
            elif now < due_at:
                # epoll itself waits in whole milliseconds, select to the microsecond
                select.select((self._epoll,), (), (), due_at - now)
                self._collect(0)
            else:
                self._send(self._idle.popleft(), due_at)
                due_at += gap(rate)
        return self._drained()

    def _begin(self, seconds: float) -> None:
        self._journal = Journal(seconds=seconds)
        self._start = perf_counter()

    def _drained(self) -> Journal:
        """Wait for what is on its way."""
        end = perf_counter() + GRACE_SECONDS
        while len(self._idle) < len(self._lines) and (left := end - perf_counter()) > 0:
            self._collect(left)
        return self._journal

    def _connect(self) -> None:
        line = _Line(socket.create_connection(self._address, timeout=CONNECT_SECONDS))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.socket.setblocking(False)
        self._lines[line.socket.fileno()] = line
        self._epoll.register(line.socket, select.EPOLLIN)
        self._idle.append(line)

    def _reconnect(self, line: _Line) -> None:
        """Replace a connection; one that can't be had again is given up."""
        del self._lines[line.socket.fileno()]
        with contextlib.suppress(ValueError):
            self._idle.remove(line)
        line.socket.close()
        with contextlib.suppress(OSError):
            self._connect()

    def _send(self, line: _Line, due_at: float) -> None:
        id_, request = next(self._requests)
        line.number = self._journal.add(id_)
        line.due_at = due_at
        try:
            sent = line.socket.send(request)
        except OSError:
            sent = 0
        if sent < len(request):  # the buffer of an idle connection is empty: it is broken
            self._reconnect(line)

    def _collect(self, seconds: float) -> None:
        """Take what has arrived; wait for it at most so long."""
        if not self._lines:
            raise NobodyAnswersError(f"nobody answers at {self._address} any more")
        for number, _ in self._epoll.poll(max(0.0, seconds)):
            line = self._lines.get(number)
            if line is not None:  # else given up a moment ago
                self._receive(line)

    def _receive(self, line: _Line) -> None:
        try:
            arrived = line.socket.recv(_READ_BYTES)
        except BlockingIOError:  # a new connection under the number of a broken one
            return
        except OSError:
            arrived = b""
        if not arrived or line.number == _IDLE:  # closed, or an answer that nobody asked for
            self._reconnect(line)
            return
        line.received += arrived
        status = status_of(line.received)
        if status is not None:
            self._note(line, status)
            closing = _CLOSING in line.received
            line.received = b""
            self._idle.append(line)
            if closing:
                self._reconnect(line)

    def _note(self, line: _Line, status: int) -> None:
        now = perf_counter()
        self._journal.statuses[line.number] = status
        self._journal.latencies[line.number] = now - line.due_at
        self._journal.finished[line.number] = now - self._start
        line.number = _IDLE


def status_of(received: bytes) -> int | None:
    """Return the status of an answer, None as long as it isn't whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    status = int(received[9:12])
    if status == HTTPStatus.NOT_MODIFIED:  # has no body, and says of no length
        return status
    at = received.index(_LENGTH, 0, end) + len(_LENGTH)
    length = int(received[at : received.index(b"\r", at)])
    return status if len(received) >= end + 4 + length else None
