"""What the spool of this host holds, and whether it would take more."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from receiver.domain.errors import SpoolError
from receiver.inbox.spool import Depth, Gauge
from receiver.inbox.spool.disk import offload
from receiver.web.deadlines import QUESTION_SECONDS
from receiver.web.watched import Watched, Work, spawn

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
        self, directory: Path | None, *, max_bytes: int, beside: Callable[[Work], None] = spawn
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._depth = Depth()
        self._gauge = Gauge(directory) if directory else None
        self._watched = Watched(
            self._ask,
            unanswered=self._unwritable,
            overdue_seconds=QUESTION_SECONDS,
            beside=beside,
        )

    @property
    def took_seconds(self) -> float:
        """How long the last look took."""
        return self._watched.took_seconds

    def look(self) -> SpoolState:
        """Return the state of the spool, within half a second."""
        return self._watched.look()

    def _ask(self) -> SpoolState:
        if self._directory is None or self._gauge is None:
            return SpoolState("off")
        try:
            free_bytes = offload(_room_bytes, self._directory)
            self._depth = depth = self._gauge.read()
        except (OSError, SpoolError):
            return self._unwritable()
        left = min(self._max_bytes - depth.bytes, free_bytes + depth.kept_bytes)
        return SpoolState("ok" if left >= ROOM_BYTES else "full", depth)

    def _unwritable(self) -> SpoolState:
        return SpoolState("unwritable", self._depth)


def _room_bytes(directory: Path) -> int:
    """Return how much room the disk has, once a file could be made. Raises OSError."""
    folder = next(each for each in (directory, *directory.parents) if each.exists())
    with tempfile.TemporaryFile(dir=folder):
        room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize
