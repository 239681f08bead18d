"""`receiver worker`: what needs one owner."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Never

import click
import psycopg
import structlog
from sqlalchemy import Engine

from receiver import embedded
from receiver.cli import operations, replaying
from receiver.cli.duty import Duty, Shift
from receiver.cli.port import Listener
from receiver.cli.reconciling import Reconciler
from receiver.cli.replaying import QuarantineJobs
from receiver.domain.errors import ReceiverError
from receiver.inbox.spool import Gauge
from receiver.log import configure
from receiver.platform.calling import ask_status
from receiver.settings import Settings
from receiver.signals import Signals, heeded
from receiver.store import changes, partitions, stats
from receiver.store.database import connect, make_engine
from receiver.store.overdue import Sweeper
from receiver.store.retention.run import Retention
from receiver.store.vitals import WORKER_LOCK

LOOK_SECONDS: Final = 3.0
#: Of counts in a row, until other duties have their turn.
MOST_FOLDS: Final = 20
LONGEST_BACKOFF_SECONDS: Final = 30.0

logger = structlog.get_logger()


@click.command()
def worker() -> None:
    """Do what needs one owner: partitions, counts, overdue, replays. Of several one works."""
    settings = Settings.from_environ()
    configure(settings.log_level)
    shift = Shift()
    with (
        heeded() as signals,
        operations.told(_listener(settings), shift.registry),
        embedded.running(settings, announce=click.echo) as url,
    ):
        shift.duties = _duties(settings, make_engine(url, pool_size=1))
        _work_for_ever(url, shift, signals)


def _listener(settings: Settings) -> Listener | None:
    name, place = "RECEIVER_WORKER_OPERATIONS", settings.worker_operations
    return Listener(place, name, name) if place else None


def _work_for_ever(url: str, shift: Shift, signals: Signals) -> Never:
    wait = 1.0
    while True:
        started_at = time.monotonic()
        try:
            with connect(url) as connection:
                _await_turn(connection, shift)
                with shift.begun():
                    _work(connection, shift.duties, signals)
        except (ReceiverError, psycopg.Error) as error:
            lasted = time.monotonic() - started_at
            wait = 1.0 if lasted > LONGEST_BACKOFF_SECONDS else wait
            logger.warning("worker_interrupted", error=type(error).__name__, again_in_seconds=wait)
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_BACKOFF_SECONDS)


def _work(connection: psycopg.Connection[Any], duties: Sequence[Duty], signals: Signals) -> Never:
    logger.info("worker_works")
    for duty in duties:
        duty.next_at = 0.0
    while True:
        for duty in duties:
            if time.monotonic() >= duty.next_at:
                duty.do(connection)
            if signals.stops:  # the exception that said so was lost, as in a finaliser
                raise SystemExit(0)
        time.sleep(LOOK_SECONDS)
        connection.execute("SELECT 1")  # a lost connection has lost the lock too


def _ensure_partitions(connection: psycopg.Connection[Any]) -> None:
    made = partitions.ensure(connection, today=datetime.now(UTC).date())
    logger.info("partitions_ensured", made=made)


def _fold_counts(connection: psycopg.Connection[Any]) -> None:
    """Fold what has gathered; what is left for the next time is counted all the same."""
    for _ in range(MOST_FOLDS):
        if stats.fold(connection, minutes_since=_oldest_minute()) < stats.MOST_FOLDED:
            return


def _forget_minutes(connection: psycopg.Connection[Any]) -> None:
    while stats.forget_minutes(connection, before=_oldest_minute()):
        pass


def _oldest_minute() -> datetime:
    return datetime.now(UTC) - stats.MINUTES_KEPT


def _forget_deletions(connection: psycopg.Connection[Any]) -> None:
    while changes.forget_deletions(connection, before=datetime.now(UTC) - changes.REMEMBERED):
        pass


def _mend_feed(connection: psycopg.Connection[Any]) -> None:
    if changes.mend(connection):
        logger.warning("feed_begun_anew", reason="the database was read from a dump")


def _duties(settings: Settings, engine: Engine) -> Sequence[Duty]:
    gauge = Gauge(settings.spool_dir) if settings.spool_dir else None

    def facts_wait() -> bool:
        return gauge is not None and gauge.read().facts > 0

    sweeper = Sweeper(settings.patience, facts_wait=facts_wait)
    return (
        Duty("partitions", _ensure_partitions, 3600),
        Duty("feed", _mend_feed, 3600),
        Duty("counts", _fold_counts, 5),
        Duty("overdue", partial(_sweep, sweeper), 10),
        Duty("retention", partial(_remove, Retention(settings.keep)), LOOK_SECONDS),
        Duty("forgetting_minutes", _forget_minutes, 3600),
        Duty("forgetting_deletions", _forget_deletions, 3600),
        *_reconciliation(settings, facts_wait),
        *_quarantine(settings, engine),
    )


def _quarantine(settings: Settings, engine: Engine) -> Iterator[Duty]:
    work = QuarantineJobs(engine, replaying.replayer_of(settings))
    yield Duty("quarantine", partial(_work_off, work), 1)
    yield Duty("forgetting_jobs", partial(_forget_jobs, engine), 3600)


def _work_off(work: QuarantineJobs, connection: psycopg.Connection[Any]) -> None:
    if done := work.turn(connection):
        logger.info("quarantine_worked_off", facts=done)


def _forget_jobs(engine: Engine, _: psycopg.Connection[Any]) -> None:
    replaying.forget(engine)


def _reconciliation(settings: Settings, facts_wait: Callable[[], bool]) -> Iterator[Duty]:
    if settings.reconcile:
        reconciler = Reconciler(
            settings.reconcile,
            settings.sealer(),
            facts_wait=facts_wait,
            ask=partial(ask_status, private=settings.platform_private),
        )
        yield Duty("reconciliation", partial(_reconcile, reconciler), 5)


def _reconcile(reconciler: Reconciler, connection: psycopg.Connection[Any]) -> None:
    if found := reconciler.turn(connection):
        logger.info("platform_asked", **{finding.value: n for finding, n in found.items()})


def _sweep(sweeper: Sweeper, connection: psycopg.Connection[Any]) -> None:
    if marked := sweeper.sweep(connection, datetime.now(UTC)):
        logger.info("deliveries_overdue", marked=marked)


def _remove(retention: Retention, connection: psycopg.Connection[Any]) -> None:
    if removed := retention.work(connection):
        logger.info("retention_removed", **removed)


def _await_turn(connection: psycopg.Connection[Any], shift: Shift) -> None:
    said = False
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [WORKER_LOCK]).fetchone()
        if row is not None and row[0]:
            return
        shift.waits()
        if not said:
            logger.info("worker_waits", reason="another worker works")
            said = True
        time.sleep(LOOK_SECONDS)
