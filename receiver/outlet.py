"""Where log lines leave the process: by one system call, which neither waits nor fails.

A reader of stdout that stands still, a full disk or a closed pipe must keep no notification
waiting. What can't be written at once is dropped; the next line that leaves says how much was.
"""

import _socket  # gevent's sockets would change the descriptor for all who share it
import atexit
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import Final, TextIO

#: What a pipe takes as a whole, whoever else writes to it.
TOGETHER_BYTES: Final = 4096
GATHERING_SECONDS: Final = 0.05


class Outlet:
    """Takes lines, from structlog as bytes and from `logging` as text."""

    def __init__(
        self, stream: TextIO, *, dropped: Callable[[int], object] = lambda _: None
    ) -> None:
        self._opened = ExitStack()
        self._send = _sender(stream, self._opened)
        self._dropped = dropped
        self._lost = 0
        self._torn = False
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def line(self, line: bytes) -> None:
        """Write one line, given without its newline, behind those that are gathered."""
        self.flush()
        self._write(line, lines=1)

    def gather(self) -> None:
        """Write lines of level info together from now on, a moment later.

        A call of the system for each cost a notification more than its own validation.
        """
        self.info = self._keep  # type: ignore[method-assign]
        atexit.register(self.flush)
        threading.Thread(target=self._flush_for_ever, name="log", daemon=True).start()

    def flush(self) -> None:
        """Write what is gathered."""
        if self._kept:
            kept, self._kept, self._kept_bytes = self._kept, [], 0
            self._write(b"\n".join(kept), lines=len(kept))

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) >= TOGETHER_BYTES:
            self.flush()
        self._kept.append(line)
        self._kept_bytes += len(line) + 1

    def _flush_for_ever(self) -> None:
        while True:
            time.sleep(GATHERING_SECONDS)
            self.flush()

    def _write(self, data: bytes, *, lines: int) -> None:
        if self._lost:
            data = self._news() + data
        try:
            written = self._send(data + b"\n")
        except OSError:  # nobody reads, or the disk is full
            written = 0
        if written > len(data):
            self._lost, self._torn = 0, False
            return
        self._torn = self._torn or written > 0
        self._lost += lines
        self._dropped(lines)

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
