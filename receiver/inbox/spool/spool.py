"""The spool as a process writes it: what waits while one group is fsynced is the next group.

Threads stand for greenlets here, as in the writer; the disk is waited for in another thread.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from receiver.domain.errors import SpoolError
from receiver.domain.facts import Fact
from receiver.inbox.spool.appender import Appender
from receiver.inbox.spool.disk import Fsync, offload
from receiver.inbox.spool.records import encode_each, join
from receiver.sealing import Sealer

DEADLINE_SECONDS: Final = 4.0
GROUP_FACTS: Final = 512
GROUP_BYTES: Final = 4 * 1024 * 1024
QUEUE_BYTES: Final = 64 * 1024 * 1024

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Waiting:
    """What one caller waits for: its facts to be durable, or what it wishes to be done."""

    wish: Callable[[], None] | None = None
    encoded: Sequence[bytes] = ()
    oldest_ms: int = 0
    size_bytes: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    error: SpoolError | None = None
    given_up: bool = False


class Spool:
    """Takes facts to the disk. Its thread is started at the first one, so after any fork."""

    def __init__(
        self,
        directory: Path,
        sealer: Sealer,
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
        fsync: Fsync = os.fsync,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._appender = Appender(directory, sealer, max_bytes=max_bytes, clock=clock, fsync=fsync)
        self._deadline_seconds = deadline_seconds
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None
        self._active_since: float | None = None
        self._said_at = float("-inf")

    @property
    def hangs(self) -> bool:
        """Tell whether the disk has not answered for longer than anybody waits."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > self._deadline_seconds

    def put(self, facts: Sequence[Fact]) -> None:
        """Return once all facts are on the disk.

        Raises:
            SpoolError: they are not known to be; the spool is full, broken or too slow.

        """
        if not facts:
            return
        oldest_ms = int(min(fact.accepted_at for fact in facts).timestamp() * 1000)
        encoded = encode_each(facts)
        size_bytes = sum(map(len, encoded))
        self._settle(_Waiting(encoded=encoded, oldest_ms=oldest_ms, size_bytes=size_bytes))

    def check(self) -> None:
        """Make sure that the next fact will find the folder, a file in it, and room.

        Raises: SpoolError where it won't.
        """
        self._settle(_Waiting(wish=self._appender.check))

    def rotate(self, *, older_than_seconds: float = 0) -> None:
        """End the segment that is being written, if it is that old, so that it can be drained.

        Raises: SpoolError where the disk hangs.
        """
        since = self._active_since
        if since is not None and time.monotonic() - since >= older_than_seconds:
            self._settle(_Waiting(wish=self._appender.close))

    def close(self) -> None:
        """Write what waits and end the segment; a later fact begins another."""
        if self._thread is not None:
            with contextlib.suppress(SpoolError):
                self._settle(_Waiting(wish=self._appender.close))

    def _settle(self, waiting: _Waiting) -> None:
        self._enqueue(waiting)
        if not waiting.done.wait(self._deadline_seconds):
            waiting.given_up = True
            raise SpoolError("the disk was not in time")
        if waiting.error:
            raise waiting.error

    def _enqueue(self, waiting: _Waiting) -> None:
        if self.hangs:
            raise SpoolError("the disk does not answer")
        with self._changed:
            if self._queue and self._queued_bytes + waiting.size_bytes > QUEUE_BYTES:
                raise SpoolError("too much is waiting for the disk")
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._queued_bytes += waiting.size_bytes
            self._changed.notify()

    def _run(self) -> None:
        while True:
            gathered = self._gather()
            error = self._write(gathered)
            for waiting in gathered:
                waiting.error = error
                waiting.done.set()

    def _gather(self) -> Sequence[_Waiting]:
        """Wait for something to do, and take what fits into one group, whole requests only."""
        with self._changed:
            while not self._queue:
                self._changed.wait()
            gathered = [self._take()]
            facts, size = len(gathered[0].encoded), gathered[0].size_bytes
            while self._queue and not gathered[-1].wish:  # what is wished comes behind what waited
                facts += len(self._queue[0].encoded)
                size += self._queue[0].size_bytes
                if facts > GROUP_FACTS or size > GROUP_BYTES:
                    break
                gathered.append(self._take())
        return [waiting for waiting in gathered if not waiting.given_up]

    def _take(self) -> _Waiting:
        waiting = self._queue.popleft()
        self._queued_bytes -= waiting.size_bytes
        return waiting

    def _write(self, gathered: Sequence[_Waiting]) -> SpoolError | None:
        """Write one group; return why not, if not."""
        self._busy_since = time.monotonic()
        try:
            offload(self._append, gathered, self._busy_since + self._deadline_seconds / 2)
        except SpoolError as error:
            self._log_refusal(error)
            return error
        except Exception as error:
            with contextlib.suppress(Exception):  # a full disk stops the log, not the spool
                log.exception("spool_failed", error=type(error).__name__)
            offload(self._appender.abandon)
            return SpoolError("the spool failed")
        finally:
            self._busy_since = None
            self._note_segment()
        return None

    def _append(self, gathered: Sequence[_Waiting], retry_until: float) -> None:
        encoded = [fact for waiting in gathered for fact in waiting.encoded]
        if encoded:
            self._appender.append(
                join(encoded),
                facts=len(encoded),
                oldest_ms=min(waiting.oldest_ms for waiting in gathered if not waiting.wish),
                retry_until=retry_until,
            )
        if gathered and (wish := gathered[-1].wish):
            wish()

    def _note_segment(self) -> None:
        """Keep in mind since when a segment of ours, with something in it, has been open."""
        segment = self._appender.segment
        if segment is None or not segment.size_bytes:
            self._active_since = None
        elif self._active_since is None:
            self._active_since = time.monotonic()

    def _log_refusal(self, error: SpoolError) -> None:
        """Say why, once a second at most: a full disk makes every group say it."""
        if time.monotonic() >= self._said_at + 1:
            self._said_at = time.monotonic()
            with contextlib.suppress(Exception):
                log.warning("spool_refused", reason=str(error))
