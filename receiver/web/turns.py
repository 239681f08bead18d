"""Who is next in this process: no point's storm stands before the notifications of the others.

A point may have so many notifications at work while other points have some too; what it has beyond
that waits for one of them to be done, and costs next to nothing meanwhile. Where a point is alone
nothing waits, as many at once cost less each.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

#: Of one point at work at once, while there are others.
MOST: Final = 2
#: So long after another point's notification there are others.
SHARED_SECONDS: Final = 1.0
#: It is about whose turn it is: who has waited so long goes on.
PATIENCE_SECONDS: Final = 1.0


class Turns:
    """Counts what each point has at work. Threads stand for greenlets, as in the inbox."""

    def __init__(self, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._at_work: dict[UUID, int] = {}
        self._lines: dict[UUID, deque[threading.Lock]] = {}
        self._latest: UUID | None = None
        self._latest_at = self._others_at = float("-inf")

    @contextmanager
    def of(self, point_id: UUID) -> Iterator[None]:
        """Wait for a turn of the point, and keep it until the block ends."""
        turn = self._take(point_id)
        if turn and not turn.acquire(timeout=PATIENCE_SECONDS):
            self._give_up(point_id, turn)
        try:
            yield
        finally:
            self._pass_on(point_id)

    def _take(self, point_id: UUID) -> "threading.Lock | None":
        """Take a turn; return what to wait for where there is none."""
        with self._lock:
            is_shared = self._note(point_id)
            at_work = self._at_work.get(point_id, 0)
            if not is_shared or at_work < self._most:
                self._at_work[point_id] = at_work + 1
                return None
            turn = threading.Lock()
            turn.acquire()
            self._lines.setdefault(point_id, deque()).append(turn)
            return turn

    def _note(self, point_id: UUID) -> bool:
        """Note who comes; tell whether somebody else has come lately."""
        now = self._clock()
        if point_id != self._latest:
            self._latest, self._others_at = point_id, self._latest_at
        self._latest_at = now
        return now - self._others_at < SHARED_SECONDS

    def _pass_on(self, point_id: UUID) -> None:
        """Give a turn to who waits longest; back, where nobody does or too many are at work."""
        with self._lock:
            line = self._lines.get(point_id)
            if line and self._at_work[point_id] <= self._most:
                line.popleft().release()
                if not line:
                    del self._lines[point_id]
            elif self._at_work[point_id] > 1:
                self._at_work[point_id] -= 1
            else:
                del self._at_work[point_id]

    def _give_up(self, point_id: UUID, turn: threading.Lock) -> None:
        """Wait no longer, unless the turn has come at this moment."""
        with self._lock:
            line = self._lines.get(point_id, deque())
            if turn in line:
                line.remove(turn)
                self._at_work[point_id] += 1
                if not line:
                    del self._lines[point_id]
