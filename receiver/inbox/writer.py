"""The direct way: one writer a process commits what all waiting requests hold, in one go.

While one batch is being committed the next one gathers, and goes on gathering for a moment while
other requests are at work. Threads stand for greenlets here; where gevent has patched the
interpreter they are the same. One watcher looks after all waits, as a timer for each would cost
more than the wait.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import gevent
import psycopg
import structlog
from gevent import monkey

from receiver import metrics
from receiver.domain.errors import SealedError, StoreAwayError
from receiver.domain.facts import Fact
from receiver.inbox.queue import Queue, Waiting
from receiver.store.apply import Applied, apply
from receiver.store.database import cut
from receiver.store.erasures import Erasures

BATCH_FACTS: Final = 256
BATCH_BYTES: Final = 4 * 1024 * 1024
#: At most so long a batch gathers beyond the commit before it, while other requests are at work:
#: a larger batch costs less a fact. Once nobody is it leaves, as an idle processor gains nothing.
GATHER_SECONDS: Final = 0.005
#: How exactly waits end.
TICK_SECONDS: Final = 0.05
#: Between two reports on what waits.
REPORT_SECONDS: Final = 1.0
#: Between two questions whether the store is back.
PROBE_SECONDS: Final = 0.5
#: For so long after a fact live traffic goes before everything else.
BUSY_SECONDS: Final = 0.25

log = structlog.get_logger()


class Writer:
    """Group commit over one connection of its own. Started at the first fact, so after any fork.

    Once the store was away or hung, nobody waits for it until it is known to be back.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        *,
        patience_seconds: float,
        deadline_seconds: float,
        queue: Queue | None = None,
        erasures: Erasures | None = None,
    ) -> None:
        self._connect = connect
        self._patience_seconds = patience_seconds
        self._deadline_seconds = deadline_seconds
        self._queue = Queue() if queue is None else queue
        self._erasures = erasures or Erasures()
        self._connection: psycopg.Connection[Any] | None = None
        self._committing: Sequence[Waiting] = ()
        self._committing_since = 0.0
        self._away: StoreAwayError | None = None
        self._last_fact_at = float("-inf")
        self._lock = threading.Lock()
        self._something_waits = threading.Semaphore(0)
        self._parked = False
        self._threads: list[threading.Thread] = []

    @property
    def is_open(self) -> bool:
        """Tell whether the store took what was last given, or has been found to be back."""
        return self._away is None

    @property
    def is_busy(self) -> bool:
        """Tell whether live traffic is going on."""
        return time.monotonic() - self._last_fact_at < BUSY_SECONDS

    def put(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        """Return once all facts are committed, with a result for each, in order.

        Raises:
            StoreAwayError: they are not known to be. At once where the store is away or too much
                waits for it, else when patience ends.

        """
        if not facts:
            return ()
        waiting = Waiting(facts)
        with self._lock:
            self._last_fact_at = waiting.since
            if self._away:
                raise StoreAwayError(str(self._away))
            self._queue.add(waiting)
            self._start()
            if self._parked:
                self._parked = False
                self._something_waits.release()
        return waiting.wait()

    def close(self) -> None:
        """Give the connection back; the next fact opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def start(self) -> None:
        """Begin to look whether the store is there; facts do so too."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        """Begin to write and to watch, which nothing ends: what fails there is logged."""
        if self._threads:
            return
        self._threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (self._write, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while True:
            gathered = self._gather()
            try:
                self._commit(gathered)
            except Exception as error:
                self._fail(StoreAwayError("the store failed"))
                with contextlib.suppress(Exception):  # a full disk stops the log, not the writer
                    log.exception("writer_failed", error=type(error).__name__)
            while self._away:
                time.sleep(PROBE_SECONDS)
                self._probe()

    def _gather(self) -> Sequence[Waiting]:
        """Wait for something to do, and take what fits into one batch."""
        while True:
            _let_others_work()
            with self._lock:
                taken = self._queue.take(most_facts=BATCH_FACTS, most_bytes=BATCH_BYTES)
                if taken:
                    self._committing, self._committing_since = taken, time.monotonic()
                    return taken
                self._parked = True
            self._something_waits.acquire()

    def _commit(self, gathered: Sequence[Waiting]) -> None:
        facts = [fact for waiting in gathered for fact in waiting.facts]
        try:
            results = self._apply(facts)
        except StoreAwayError as error:
            self._fail(error)
            with contextlib.suppress(Exception):
                log.warning("store_away", reason=str(error), facts=len(facts))
            return
        at = 0
        now = time.monotonic()
        with self._lock:
            self._committing, self._away = (), None
            for waiting in gathered:
                waiting.end(results=results[at : at + len(waiting.facts)])
                at += len(waiting.facts)
        waits = [(now - waiting.since, len(waiting.facts)) for waiting in gathered]
        metrics.committed(waits, now - self._committing_since)

    def _apply(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        """Apply over the connection we have, once more over a new one if that was dead."""
        fresh = self._connection is None
        try:
            return self._apply_once(facts)
        except SealedError as error:
            raise StoreAwayError(str(error)) from error
        except StoreAwayError:
            broken = self._connection is None or self._connection.closed
            self.close()
            if fresh or not broken or self._away:
                raise
            return self._apply_once(facts)

    def _apply_once(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        if self._connection is None:
            self._connection = self._connect()
        return apply(self._connection, facts, self._erasures)

    def _fail(self, error: StoreAwayError) -> None:
        """Let all who wait know at once that the store is away."""
        self.close()
        with self._lock:
            self._away = error
            for waiting in (*self._committing, *self._queue.expired(float("inf"))):
                waiting.end(error=error)
            self._committing = ()

    def _probe(self) -> None:
        """Take note if the store is back."""
        try:
            self._connection = self._connection or self._connect()
        except StoreAwayError:
            return
        except Exception as error:
            with contextlib.suppress(Exception):
                log.exception("probe_failed", error=type(error).__name__)
            return
        with self._lock:
            self._away = None
        with contextlib.suppress(Exception):
            log.info("store_back")

    def _watch(self) -> None:
        report_at = 0.0
        while True:
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            try:
                self._look(now)
                if now >= report_at:
                    report_at = now + REPORT_SECONDS
                    self._report(now)
            except Exception as error:
                with contextlib.suppress(Exception):
                    log.exception("watch_failed", error=type(error).__name__)

    def _look(self, now: float) -> None:
        """End what has waited too long; a batch that hangs tells that the store does."""
        late = StoreAwayError("the store did not commit in time")
        with self._lock:
            expired = list(self._queue.expired(now - self._patience_seconds))
            lasts_seconds = now - self._committing_since if self._committing else 0.0
            if lasts_seconds > self._patience_seconds:
                self._away = self._away or late
                expired += [*self._committing, *self._queue.expired(float("inf"))]
            if lasts_seconds > self._deadline_seconds and self._connection is not None:
                with contextlib.suppress(OSError, psycopg.Error):
                    cut(self._connection)
            for waiting in expired:
                waiting.end(error=late)

    def _report(self, now: float) -> None:
        with self._lock:
            standing = [(each.since, len(each.facts)) for each in self._queue.standing()]
            standing += [(each.since, len(each.facts)) for each in self._committing]
        oldest = min((since for since, _ in standing), default=now)
        metrics.queued(sum(facts for _, facts in standing), now - oldest)


def _let_others_work() -> None:
    """Return once the event loop, where there is one, has nothing else to do, or soon."""
    if monkey.is_module_patched("threading"):
        with gevent.Timeout(GATHER_SECONDS, False):
            gevent.idle()
