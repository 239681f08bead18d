"""How much of what is refused is held in quarantine: a token that leaked must not fill the disk."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

HOUR_SECONDS: Final = 3600.0
MOST_FACTS: Final = 1000
MOST_BYTES: Final = 64 * 1024 * 1024


class Holding:
    """What one process holds of each point's refused notifications in an hour, at most."""

    def __init__(
        self,
        *,
        most_facts: int = MOST_FACTS,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_facts = most_facts
        self._most_bytes = most_bytes
        self._clock = clock
        self._rooms: dict[UUID, _Room] = {}  # as many as there are points

    def take(self, point_id: UUID, size_bytes: int) -> bool:
        """Tell whether there is room for one more of this size, which then is taken."""
        room = self._rooms.get(point_id)
        if room is None or self._clock() - room.since >= HOUR_SECONDS:
            room = self._rooms[point_id] = _Room(self._clock(), self._most_facts, self._most_bytes)
        if not room.facts or size_bytes > room.bytes:
            return False
        room.facts -= 1
        room.bytes -= size_bytes
        return True


@dataclass(slots=True)
class _Room:
    since: float
    facts: int
    bytes: int
