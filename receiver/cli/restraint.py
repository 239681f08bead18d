"""How often the platform is asked, and how it is left alone while it is in trouble."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

#: Left alone for so long at first, then twice as long each time.
SHORTEST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0
#: Where the platform itself says for how long.
LONGEST_ASKED_SECONDS: Final = 86_400.0
_MOST_DOUBLINGS: Final = 6

Clock = Callable[[], float]


class Pace:
    """At most so many questions a minute, spread over it as far as whole ones can be."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._clock = clock
        self._most = max(1, per_minute // 6)
        self._seconds = 60.0 / (per_minute // self._most)
        self._asked_at: deque[float] = deque(maxlen=self._most)

    def take(self) -> bool:
        """Take the right to one question, if there is one."""
        now = self._clock()
        if len(self._asked_at) == self._most and now - self._asked_at[0] < self._seconds:
            return False
        self._asked_at.append(now)
        return True


@dataclass(slots=True)
class _Rest:
    """How the platform of one point is left alone."""

    times: int
    until: float


class Rests:
    """Which points' platforms are left alone, by the points' ids."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests: dict[UUID, _Rest] = {}

    def begin(self, point_id: UUID, asked_seconds: float | None) -> float:
        """Leave a platform alone, for as long as it asks for or we think best; return how long."""
        times = self._rests[point_id].times if point_id in self._rests else 0
        ours = min(SHORTEST_SECONDS * 2.0 ** min(times, _MOST_DOUBLINGS), LONGEST_SECONDS)
        seconds = max(ours, min(asked_seconds or 0.0, LONGEST_ASKED_SECONDS))
        self._rests[point_id] = _Rest(times + 1, self._clock() + seconds)
        return seconds

    def end(self, point_id: UUID) -> None:
        """Take a platform for well again."""
        self._rests.pop(point_id, None)

    def holds(self, point_id: UUID) -> bool:
        """Tell whether a platform is to be left alone now."""
        rest = self._rests.get(point_id)
        return rest is not None and self._clock() < rest.until
