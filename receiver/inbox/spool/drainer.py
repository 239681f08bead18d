"""What brings the spool back into the store while it is there, in every serving process.

The oldest segment that nobody owns comes first. Live notifications go before it: while there are
any, batches are small, and each is followed by a rest nearly as long as it took.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog

from receiver import metrics
from receiver.domain.errors import ReceiverError, SpoolError, StoreAwayError
from receiver.domain.facts import Fact
from receiver.inbox.spool.disk import offload
from receiver.inbox.spool.draining import BATCH_FACTS, Draining, apply_in_time, claimed
from receiver.inbox.spool.segments import State, expire, list_
from receiver.inbox.spool.spool import Spool
from receiver.sealing import Sealer
from receiver.store.erasures import Erasures

BUSY_BATCH_FACTS: Final = 64
#: Of the time that a batch took beside live notifications, after it.
REST: Final = 0.8
LOOK_SECONDS: Final = 0.5
EXPIRE_EVERY_SECONDS: Final = 10.0
#: So that a store that is merely slow now and then doesn't make a segment of every fact.
ROTATE_AFTER_SECONDS: Final = 1.0
#: The same while our own store is away: another process may reach it.
ROTATE_AWAY_SECONDS: Final = 60.0
#: So long a segment of which a part is applied waits for the store; then it is anybody's again.
AWAY_SECONDS: Final = 5.0
SHORTEST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 5.0
#: How often in a row a reachable store may refuse a batch, halved each time, until others come.
PATIENCE: Final = 12
ASIDE_SECONDS: Final = 30.0

log = structlog.get_logger()


class _LeftError(Exception):
    """The segment is left as it is: the process ends, or its store is away."""


class Drainer:
    """Drains in a daemon thread, a greenlet where gevent has patched."""

    def __init__(
        self,
        directory: Path,
        sealer: Sealer,
        *,
        connect: Callable[[], psycopg.Connection[Any]],
        is_open: Callable[[], bool],
        busy: Callable[[], bool],
        kept_seconds: float,
        spool: Spool | None = None,
        erasures: Erasures | None = None,
        batch_facts: int = BATCH_FACTS,
        busy_batch_facts: int = BUSY_BATCH_FACTS,
    ) -> None:
        self._directory = directory
        self._sealer = sealer
        self._connect = connect
        self._is_open = is_open
        self._is_busy = busy
        self._kept_seconds = kept_seconds
        self._spool = spool
        self._erasures = erasures or Erasures()
        self._batch_facts = batch_facts
        self._busy_batch_facts = busy_batch_facts
        self._connection: psycopg.Connection[Any] | None = None
        self._aside_until: dict[str, float] = {}
        self._expire_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for segments; again does nothing."""
        if self._thread is None or not self._thread.is_alive():
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="drainer", daemon=True)
            self._thread.start()

    def stop(self, *, wait_seconds: float = 5) -> None:
        """End after the batch that is being applied."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(wait_seconds)

    def drain(self) -> bool:
        """Apply what is free, once through the folder; tell whether there was anything.

        Raises: OSError where the folder can't be read.
        """
        found = False
        for file in offload(list_, self._directory, State.WAITING):
            if self._aside_until.get(file.path.name, 0) <= time.monotonic():
                found = self._try(file.path) or found
        return found

    def _run(self) -> None:
        while not self._stopping.is_set():
            found = False
            try:
                found = self._look()
            except _LeftError:
                pass
            except Exception as error:
                with contextlib.suppress(Exception):  # a full disk stops the log, not the drainer
                    log.exception("drainer_failed", error=type(error).__name__)
            if not found:
                self._disconnect()
                self._stopping.wait(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311
        self._disconnect()

    def _look(self) -> bool:
        is_open = self._is_open()
        if is_open and time.monotonic() >= self._expire_at:
            self._expire_at = time.monotonic() + min(EXPIRE_EVERY_SECONDS, self._kept_seconds)
            offload(expire, self._directory, before=time.time() - self._kept_seconds)
        found = is_open and self.drain()
        if self._spool is not None:
            age_seconds = ROTATE_AFTER_SECONDS if is_open else ROTATE_AWAY_SECONDS
            with contextlib.suppress(SpoolError):  # the disk hangs: nothing to be had from it
                self._spool.rotate(older_than_seconds=age_seconds)
        return found

    def _try(self, path: Path) -> bool:
        """Drain one segment, if it is free; what can't be drained now keeps no other waiting."""
        try:
            with claimed(path, self._sealer) as draining:
                if draining is None:
                    return False
                self._apply_all(draining)
                draining.finish()
        except _LeftError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is: others wait behind it
            self._aside_until[path.name] = time.monotonic() + ASIDE_SECONDS
            reason = str(error) if isinstance(error, ReceiverError) else type(error).__name__
            log.error("spool_segment_set_aside", segment=path.name, reason=reason)  # noqa: TRY400
            return False
        self._aside_until.pop(path.name, None)
        return True

    def _apply_all(self, draining: Draining) -> None:
        while True:
            busy = self._is_busy()
            facts = draining.batches.take(self._busy_batch_facts if busy else self._batch_facts)
            if not facts:
                return
            begun = time.monotonic()
            self._apply(facts)
            draining.applied += len(facts)
            self._rest(REST * (time.monotonic() - begun) if busy else 0)

    def _apply(self, facts: Sequence[Fact]) -> None:
        """Apply a batch as soon as the store takes it, in smaller parts if it won't.

        Raises:
            StoreAwayError: a store that can be reached does not take a part, however small.
            SealedError: somebody was erased under a key that we don't have.

        """
        size, failures, refusals = len(facts), 0, 0
        while facts:
            self._await_store()
            try:
                self._apply_once(facts[:size])
            except StoreAwayError:
                reached = self._connection is not None
                self._disconnect()
                failures, refusals = failures + 1, refusals + reached
                if refusals >= PATIENCE:
                    raise
                size = max(size // 2, 1) if reached else size
                self._rest(_backoff(failures))
            else:
                facts, failures, refusals = facts[size:], 0, 0

    def _apply_once(self, facts: Sequence[Fact]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        apply_in_time(self._connection, facts, self._erasures)
        now = datetime.now(UTC)
        metrics.drained((now - fact.accepted_at).total_seconds() for fact in facts)

    def _await_store(self) -> None:
        until = time.monotonic() + AWAY_SECONDS
        while not self._is_open():
            if time.monotonic() >= until:
                raise _LeftError
            self._rest(SHORTEST_BACKOFF_SECONDS)

    def _rest(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _LeftError

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()


def _backoff(failures: int) -> float:
    longest = min(SHORTEST_BACKOFF_SECONDS * 2 ** min(failures, 16), LONGEST_BACKOFF_SECONDS)
    return random.uniform(SHORTEST_BACKOFF_SECONDS, longest)  # noqa: S311
