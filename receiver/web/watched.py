"""What is known of something that may take its time to answer."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, Generic, TypeVar

import gevent
import structlog
from gevent import monkey

State = TypeVar("State")
Work = Callable[[], None]

#: An answer is good for so long; then one of those who look asks again.
CACHED_SECONDS: Final = 1.0
#: So long that one waits for the new answer before it takes the old one, and without one, all wait.
PATIENCE_SECONDS: Final = 0.2
FIRST_PATIENCE_SECONDS: Final = 0.5

log = structlog.get_logger()


def spawn(work: Work) -> None:
    """Do `work` beside the caller where there is an event loop, else at once."""
    if monkey.is_module_patched("threading"):
        gevent.spawn(work)
    else:
        work()


class Watched(Generic[State]):
    """Asks in the background, one question at a time and at most one in `cached_seconds`."""

    def __init__(
        self,
        ask: Callable[[], State],
        *,
        unanswered: Callable[[], State],
        overdue_seconds: float,
        cached_seconds: float = CACHED_SECONDS,
        clock: Callable[[], float] = monotonic,
        beside: Callable[[Work], None] = spawn,
    ) -> None:
        """`unanswered` tells what holds while the answer is overdue, or there has been none."""
        self.overdue_seconds = overdue_seconds
        self._cached_seconds = cached_seconds
        self._ask = ask
        self._unanswered = unanswered
        self._clock = clock
        self._beside = beside
        self._state: State | None = None
        self._took_seconds = 0.0
        self._known_at = float("-inf")  # on the clock, as is _asked_at
        self._asked_at = float("-inf")
        self._answered = threading.Event()
        self._answered.set()

    @property
    def took_seconds(self) -> float:
        """How long the last answer took, or the one so far that is overdue."""
        open_seconds = self._asking_seconds()
        return open_seconds if open_seconds > self.overdue_seconds else self._took_seconds

    def look(self) -> State:
        """Return what is known, within half a second."""
        if self._answered.is_set() and self._clock() - self._known_at >= self._cached_seconds:
            self._asked_at = self._clock()
            self._answered.clear()
            self._beside(self._find_out)
            self._answered.wait(PATIENCE_SECONDS)
        if self._state is None:
            self._answered.wait(max(0.0, FIRST_PATIENCE_SECONDS - self._asking_seconds()))
        return self._known()

    def _known(self) -> State:
        if self._state is None or self._asking_seconds() > self.overdue_seconds:
            return self._unanswered()
        return self._state

    def _asking_seconds(self) -> float:
        """How long the question has been open; 0 while there is none."""
        return 0.0 if self._answered.is_set() else self._clock() - self._asked_at

    def _find_out(self) -> None:
        try:
            self._state = self._ask()
        except Exception as error:
            self._state = self._unanswered()
            log.exception("watch_failed", error=type(error).__name__)
        finally:
            self._known_at = self._clock()
            self._took_seconds = self._known_at - self._asked_at
            self._answered.set()
