"""What the spool of this host holds, and whether it would take more."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from receiver.domain.errors import SpoolError, StoreAwayError
from receiver.inbox.spool import Depth, Gauge
from receiver.inbox.spool.disk import offload
from receiver.web.deadlines import QUESTION_SECONDS, within

CACHED_SECONDS: Final = 1.0
#: What a spool must have room for that is called usable.
ROOM_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SpoolState:
    """The spool a second ago: `ok`, `off`, `full` or `unwritable`, and its depth."""

    status: str
    depth: Depth = field(default_factory=Depth)

    @property
    def is_empty(self) -> bool:
        """Tell whether the ledger has all that the spool ever took."""
        return not self.depth.segments and not self.depth.damaged

    @property
    def oldest_seconds(self) -> int:
        """How long ago the oldest fact in it was accepted; 0 if there is none."""
        oldest_at = self.depth.oldest_at
        return (
            0 if oldest_at is None else max(0, int((datetime.now(UTC) - oldest_at).total_seconds()))
        )


class SpoolWatch:
    """Looks at the spool, at most once a second however many ask."""

    def __init__(
        self, directory: Path | None, *, max_bytes: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._directory = directory
        self._gauge = Gauge(directory) if directory else None
        self._max_bytes = max_bytes
        self._clock = clock
        self._state: SpoolState | None = None
        self._until = 0.0
        self._probing = False

    def look(self) -> SpoolState:
        """Return the state of the spool."""
        if self._state is None or self._clock() >= self._until:
            self._until = self._clock() + QUESTION_SECONDS  # the others take what is known
            self._state = self._ask()
            self._until = self._clock() + CACHED_SECONDS
        return self._state

    def _ask(self) -> SpoolState:
        if self._directory is None or self._gauge is None:
            return SpoolState("off")
        depth = self._state.depth if self._state else Depth()
        if self._probing:  # the disk has not answered yet: one thread that waits for it is enough
            return SpoolState("unwritable", depth)
        try:
            with within(QUESTION_SECONDS):
                free_bytes = offload(self._probe, self._directory)
                depth = self._gauge.read()
        except (OSError, SpoolError, StoreAwayError):
            return SpoolState("unwritable", depth)
        left = min(self._max_bytes - depth.bytes, free_bytes + depth.kept_bytes)
        return SpoolState("ok" if left >= ROOM_BYTES else "full", depth)

    def _probe(self, directory: Path) -> int:
        """Return how much room the disk has, once a file could be made. Raises OSError."""
        self._probing = True
        try:
            folder = next(each for each in (directory, *directory.parents) if each.exists())
            with tempfile.TemporaryFile(dir=folder):
                room = os.statvfs(folder)
        finally:
            self._probing = False
        return room.f_bavail * room.f_frsize
