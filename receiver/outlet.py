"""Where log lines leave the process: one system call a line, which neither waits nor fails.

A reader of stdout that stands still, a full disk or a closed pipe must keep no notification
waiting. What can't be written at once is dropped; the next line that leaves says how much was.
"""

import _socket  # gevent's sockets would change the descriptor for all who share it
import json
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import TextIO


class Outlet:
    """Takes lines, from structlog as bytes and from `logging` as text."""

    def __init__(self, stream: TextIO, *, dropped: Callable[[], object] = lambda: None) -> None:
        self._opened = ExitStack()
        self._send = _sender(stream, self._opened)
        self._dropped = dropped
        self._lost = 0
        self._torn = False

    def line(self, line: bytes) -> None:
        """Write one line, given without its newline."""
        if self._lost:
            line = self._news() + line
        try:
            written = self._send(line + b"\n")
        except OSError:  # nobody reads, or the disk is full
            written = 0
        if written > len(line):
            self._lost, self._torn = 0, False
            return
        self._torn = self._torn or written > 0
        self._lost += 1
        self._dropped()

    #: What structlog calls, by the level.
    debug = info = warning = error = critical = line

    def write(self, text: str) -> None:
        """Write one line, given with its newline."""
        self.line(text.removesuffix("\n").encode(errors="backslashreplace"))

    def close(self) -> None:
        """Give back what it has opened, which isn't the stream."""
        self._opened.close()

    def _news(self) -> bytes:
        """Return a line on what was lost, behind the end of one that was torn."""
        stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        news = {"event": "log_lines_dropped", "lines": self._lost, "level": "warning"}
        ended = b"\n" if self._torn else b""
        return ended + json.dumps({**news, "timestamp": stamp}).encode() + b"\n"


def _sender(stream: TextIO, opened: ExitStack) -> Callable[[bytes], int]:
    """Return what writes bytes to a stream, without waiting where that is possible."""
    try:
        descriptor = stream.fileno()
    except OSError:  # a test's
        return lambda data: stream.write(data.decode()) * len(data)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        line = opened.enter_context(closing(_socket.socket(fileno=os.dup(descriptor))))
        return lambda data: line.send(data, _socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(mode):
        descriptor = _unshared(descriptor, opened)
    return partial(os.write, descriptor)


def _unshared(pipe: int, opened: ExitStack) -> int:
    """Open a pipe anew, so that not waiting is our own affair; of another user's we can't."""
    try:
        own = os.open(f"/dev/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return pipe
    opened.callback(os.close, own)
    return own
