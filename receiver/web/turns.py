"""Who is next in this process: no point's storm stands before the notifications of the others.

A point may have so many notifications at work while other points have some too; what it has beyond
that waits for one of them to be done, and costs next to nothing meanwhile. Where a point is alone
nothing waits, as many at once cost less each.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

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
        self._at_work: dict[int, int] = {}
        self._lines: dict[int, deque[threading.Lock]] = {}
        self._latest: int | None = None
        self._latest_at = self._others_at = float("-inf")

    def take(self, point: int) -> None:
        """Wait for a turn of the point with this id, which is to be passed on."""
        turn = self._turn(point)
        if turn and not turn.acquire(timeout=PATIENCE_SECONDS):
            self._give_up(point, turn)

    def _turn(self, point: int) -> "threading.Lock | None":
        """Take a turn; return what to wait for where there is none."""
        with self._lock:
            is_shared = self._note(point)
            at_work = self._at_work.get(point, 0)
            if not is_shared or at_work < self._most:
                self._at_work[point] = at_work + 1
                return None
            turn = threading.Lock()
            turn.acquire()
            self._lines.setdefault(point, deque()).append(turn)
            return turn

    def _note(self, point: int) -> bool:
        """Note who comes; tell whether somebody else has come lately."""
        now = self._clock()
        if point != self._latest:
            self._latest, self._others_at = point, self._latest_at
        self._latest_at = now
        return now - self._others_at < SHARED_SECONDS

    def pass_on(self, point: int) -> None:
        """Give a turn to who waits longest; back, where nobody does or too many are at work."""
        with self._lock:
            line = self._lines.get(point)
            if line and self._at_work[point] <= self._most:
                line.popleft().release()
                if not line:
                    del self._lines[point]
            elif self._at_work[point] > 1:
                self._at_work[point] -= 1
            else:
                del self._at_work[point]

    def _give_up(self, point: int, turn: threading.Lock) -> None:
        """Wait no longer, unless the turn has come at this moment."""
        with self._lock:
            line = self._lines.get(point, deque())
            if turn in line:
                line.remove(turn)
                self._at_work[point] += 1
                if not line:
                    del self._lines[point]
