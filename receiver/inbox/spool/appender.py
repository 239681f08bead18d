"""Writing into a spool's folder, within its cap. Used by one thread at a time."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from receiver.domain.errors import SpoolError
from receiver.inbox.spool.disk import Fsync
from receiver.inbox.spool.framing import HEADER_BYTES
from receiver.inbox.spool.segments import Segment, State, list_
from receiver.sealing import Sealer

SEGMENT_BYTES: Final = 8 * 1024 * 1024
#: What other processes write meanwhile is seen at the next look.
LOOK_SECONDS: Final = 0.25
_SEAL_BYTES: Final = 32
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


class Appender:
    """Appends records to a segment of its own, and begins another when that is full or failed."""

    def __init__(
        self,
        directory: Path,
        sealer: Sealer,
        *,
        max_bytes: int,
        clock: Callable[[], float],
        fsync: Fsync,
    ) -> None:
        self._directory = directory
        self._sealer = sealer
        self._max_bytes = max_bytes
        self._clock = clock
        self._fsync = fsync
        self._segment: Segment | None = None
        self._used_bytes = 0
        self._looked_at = float("-inf")

    @property
    def segment(self) -> Segment | None:
        """The segment that is being written."""
        return self._segment

    def append(self, plain: bytes, *, facts: int, oldest_ms: int, retry_until: float) -> None:
        """Make a record durable; `retry_until` is of the monotonic clock.

        After a failure it is written once more, as a whole, to a new segment.

        Raises:
            SpoolError: it is not known to be durable.

        """
        try:
            self._append(plain, facts, oldest_ms)
        except OSError as error:
            self.abandon()
            if time.monotonic() >= retry_until:
                raise _failure(error) from error
            self._append_again(error, plain, facts, oldest_ms)

    def check(self) -> None:
        """Make sure that there is a segment to append to. Raises SpoolError."""
        try:
            self._prepare(HEADER_BYTES)
        except OSError as error:
            self.abandon()
            raise _failure(error) from error

    def close(self) -> None:
        """End the segment, so that it can be drained."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def abandon(self) -> None:
        """End the segment after a failure; its file is never written to again."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.abandon()

    def _append_again(self, error: OSError, plain: bytes, facts: int, oldest_ms: int) -> None:
        try:
            if error.errno in _NO_SPACE:
                self._drop_kept(len(plain))
            self._append(plain, facts, oldest_ms)
        except OSError as again:
            self.abandon()
            raise _failure(again) from again

    def _append(self, plain: bytes, facts: int, oldest_ms: int) -> None:
        length = HEADER_BYTES + _SEAL_BYTES + len(plain)
        segment = self._prepare(length)
        segment.append(plain, self._sealer, facts=facts, oldest_ms=oldest_ms)
        self._used_bytes += length
        if segment.size_bytes >= SEGMENT_BYTES:
            self.close()

    def _prepare(self, length: int) -> Segment:
        """Return a segment for a record of this length."""
        self._make_room(length)
        if self._segment is not None and not self._segment.is_there:
            self.abandon()
        if self._segment is None:
            self._segment = Segment.begin(self._directory, now=self._clock(), fsync=self._fsync)
        return self._segment

    def _make_room(self, length: int) -> None:
        """Make sure of the cap, which counts whatever the folder holds. Raises SpoolError."""
        now = time.monotonic()
        if now < self._looked_at + LOOK_SECONDS and self._used_bytes + length <= self._max_bytes:
            return
        self._looked_at = now
        try:
            self._used_bytes = sum(file.size_bytes for file in list_(self._directory, *State))
        except OSError:  # no descriptor is left, say, and an open segment needs none
            if self._segment is None:
                raise
        too_much = self._used_bytes + length - self._max_bytes
        if too_much > 0 and too_much > self._drop_kept(too_much):
            raise SpoolError("the spool is full")

    def _drop_kept(self, wanted: int) -> int:
        """Drop segments that are applied, the oldest first, until `wanted` bytes are free."""
        dropped = 0
        for file in list_(self._directory, State.APPLIED):
            if dropped >= wanted:
                break
            file.path.unlink(missing_ok=True)
            dropped += file.size_bytes
        self._used_bytes -= dropped
        return dropped


def _failure(error: OSError) -> SpoolError:
    return SpoolError(f"the spool can't be written: {error.strerror or type(error).__name__}")
