"""Who waits for a change, and how they learn of one: one question for all of a process."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError
from receiver.store import changes
from receiver.store.changes import Newest
from receiver.store.reading import asking

#: Of one process. Whoever comes past them is answered at once.
MOST_WAITING: Final = 100
#: Between two looks, as long as anybody waits.
LOOK_SECONDS: Final = 0.04
#: While Postgres can't be asked.
AWAY_SECONDS: Final = 1.0

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Waiter:
    """One who waits for a domain's newest change to be another than the one he knows."""

    domain: str
    known: Newest
    changed: threading.Event = field(default_factory=threading.Event)


class FeedWatch:
    """Looks for the newest change of each domain that somebody waits for."""

    def __init__(self, engine: Engine, *, most: int = MOST_WAITING) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._most = most
        self._waiters: set[_Waiter] = set()
        self._looks = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiters)

    def wait(self, domain: str, known: Newest, *, until: float) -> bool:
        """Wait until the newest change is not `known` any more; `until` is on the monotonic clock.

        Return whether it is worth a look; False once the time is over, or where too many wait.
        """
        if until <= time.monotonic():
            return False
        waiter = _Waiter(domain, known)
        with self._lock:
            if len(self._waiters) >= self._most:
                return False
            self._waiters.add(waiter)
            if not self._looks:
                self._looks = True
                self._thread = threading.Thread(target=self._look, name="feed-watch", daemon=True)
                self._thread.start()
        try:
            return waiter.changed.wait(max(until - time.monotonic(), 0))
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def close(self) -> None:
        """Let everybody go, and give the connection back."""
        with self._lock:
            for waiter in self._waiters:
                waiter.changed.set()
            self._waiters.clear()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while self._go_on():
            try:
                with asking(), Session(self._engine) as session:
                    while self._go_on():
                        self._tell(session)
                        time.sleep(LOOK_SECONDS)
            except StoreAwayError:
                time.sleep(AWAY_SECONDS)
            except Exception as error:
                with contextlib.suppress(Exception):
                    log.exception("feed_watch_failed", error=type(error).__name__)
                time.sleep(AWAY_SECONDS)

    def _go_on(self) -> bool:
        with self._lock:
            self._looks = bool(self._waiters)
            return self._looks

    def _tell(self, session: Session) -> None:
        waiters = list(self._waiters)
        newest = changes.newest(session, {waiter.domain for waiter in waiters})
        for waiter in waiters:
            if newest[waiter.domain] != waiter.known:
                waiter.changed.set()
