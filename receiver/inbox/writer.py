"""The direct way: one writer a process commits what all waiting requests hold, in one go.

There is no linger: while one batch is being committed the next one gathers. Threads stand for
greenlets here; where gevent has patched the interpreter they are the same.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import psycopg
import structlog

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact
from receiver.store.apply import Applied, apply
from receiver.store.batch import raw_bytes
from receiver.store.database import Deadline

BATCH_FACTS: Final = 256
BATCH_BYTES: Final = 4 * 1024 * 1024
#: What may wait; past it the store is slower than what comes in, and a caller does better later.
QUEUE_FACTS: Final = 20_000
QUEUE_BYTES: Final = 256 * 1024 * 1024

log = structlog.get_logger()


class Inbox(Protocol):
    """What makes facts durable."""

    def put(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        """Return once all facts are durable, with a result for each, in order.

        Raises:
            StoreAwayError: they are not known to be durable; the caller should come again.

        """


@dataclass(slots=True, eq=False)
class _Waiting:
    """The facts of one request, until they are durable."""

    facts: Sequence[Fact]
    size_bytes: int
    done: threading.Event = field(default_factory=threading.Event)
    results: Sequence[Applied] = ()
    error: StoreAwayError | None = None
    given_up: bool = False


class Writer:
    """Group commit over one connection of its own. Started at the first fact, so after any fork."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], *, deadline_seconds: float
    ) -> None:
        self._connect = connect
        self._deadline_seconds = deadline_seconds
        self._connection: psycopg.Connection[Any] | None = None
        self._queue: deque[_Waiting] = deque()
        self._queued_facts = 0
        self._queued_bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        """Wait until facts are committed, at most the deadline. See `Inbox.put`."""
        if not facts:
            return ()
        waiting = _Waiting(facts, raw_bytes(facts))
        self._enqueue(waiting)
        if not waiting.done.wait(self._deadline_seconds):
            waiting.given_up = True
            raise StoreAwayError("the store did not commit in time")
        if waiting.error:
            raise waiting.error
        return waiting.results

    def close(self) -> None:
        """Give the connection back; the next fact opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._changed:
            if self._queued_facts >= QUEUE_FACTS or self._queued_bytes >= QUEUE_BYTES:
                raise StoreAwayError("too much is waiting for the store")
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="writer", daemon=True)
                thread.start()
                self._thread = thread
            self._queue.append(waiting)
            self._queued_facts += len(waiting.facts)
            self._queued_bytes += waiting.size_bytes
            self._changed.notify()

    def _run(self) -> None:
        while True:
            gathered = self._gather()
            try:
                self._commit(gathered)
            except Exception as error:
                self._settle(gathered, StoreAwayError("the store failed"))
                self.close()
                with contextlib.suppress(Exception):  # a full disk stops the log, not the writer
                    log.exception("writer_failed", error=type(error).__name__)

    def _gather(self) -> list[_Waiting]:
        """Wait for something to do, and take what fits into one batch."""
        with self._changed:
            while not self._queue:
                self._changed.wait()
            gathered = [self._take()]
            facts, size = len(gathered[0].facts), gathered[0].size_bytes
            while self._queue:
                facts += len(self._queue[0].facts)
                size += self._queue[0].size_bytes
                if facts > BATCH_FACTS or size > BATCH_BYTES:
                    break
                gathered.append(self._take())
        return [waiting for waiting in gathered if not waiting.given_up]

    def _take(self) -> _Waiting:
        waiting = self._queue.popleft()
        self._queued_facts -= len(waiting.facts)
        self._queued_bytes -= waiting.size_bytes
        return waiting

    def _commit(self, gathered: Sequence[_Waiting]) -> None:
        facts = [fact for waiting in gathered for fact in waiting.facts]
        if not facts:
            return
        try:
            results = self._apply(facts)
        except StoreAwayError as error:
            self.close()
            self._settle(gathered, error)
            log.warning("store_away", reason=str(error), facts=len(facts))
            return
        at = 0
        for waiting in gathered:
            waiting.results = results[at : at + len(waiting.facts)]
            at += len(waiting.facts)
            waiting.done.set()

    def _apply(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        """Apply over the connection we have, once more over a new one if that was dead."""
        fresh = self._connection is None
        try:
            return self._apply_once(facts)
        except StoreAwayError:
            broken = self._connection is None or self._connection.closed
            self.close()
            if fresh or not broken:
                raise
            return self._apply_once(facts)

    def _apply_once(self, facts: Sequence[Fact]) -> Sequence[Applied]:
        if self._connection is None:
            self._connection = self._connect()
        with Deadline(self._connection, self._deadline_seconds):
            return apply(self._connection, facts)

    @staticmethod
    def _settle(gathered: Sequence[_Waiting], error: StoreAwayError) -> None:
        for waiting in gathered:
            if not waiting.done.is_set():
                waiting.error = error
                waiting.done.set()
