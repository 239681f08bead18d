"""A ledger of millions, loaded by COPY and left as a ledger that grew would be."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import click
import psycopg
from psycopg import sql

from bench.growth import streams
from bench.growth.histories import Histories
from bench.growth.patterns import Pattern, patterns
from receiver.store import partitions, stats
from receiver.store.database import connect

#: The two tables that are not kept by day: filled whole, and indexed when they are full.
_WHOLE: Final = ("sends", "deliveries")
_CONSTRAINTS: Final = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = %s::regclass AND contype IN ('p', 'u') ORDER BY contype, conname
    """
_INDEXES: Final = """
    SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid
     WHERE indrelid = %s::regclass
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY relname
    """
#: What a ledger that grew has in memory, and one that was just loaded has not: the indexes that
#: each notification writes to in places of their own.
_READ_INDEXES: Final = """
    SELECT sum(pg_prewarm(indexrelid, 'read')) FROM pg_index
     WHERE indrelid = ANY(%s::regclass[])
    """
_PARTITIONS: Final = """
    SELECT pg_get_expr(relpartbound, oid), relname FROM pg_class JOIN pg_inherits ON oid = inhrelid
     WHERE inhparent = 'receipts'::regclass
    """
_BUILDING: Final = "SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 2"

#: Seconds that each step took, by its name.
Steps = dict[str, float]


def fill(url: str, histories: Histories) -> Steps:
    """Fill the empty ledger at `url`; say meanwhile how far it is."""
    steps: Steps = {}
    with _step(steps, "partitions"), connect(url) as connection:
        partitions.ensure_days(connection, histories.plan.days)
        found = patterns(connection, histories)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_BUILDING)
        statements = [each for table in _WHOLE for each in _take_indexes(connection, table)]
        _have_triggers(connection, "DISABLE")
        with _step(steps, "rows"):
            _copy(url, histories, _jobs(connection, histories, found))
        with _step(steps, "indexes"):
            _build(connection, statements)
        with _step(steps, "counts"):
            _count(connection)
        with _step(steps, "vacuum and analyze"):
            _finish(connection)
    return steps


@contextmanager
def _step(steps: Steps, name: str) -> Iterator[None]:
    click.echo(f"{name}...")
    began = time.monotonic()
    yield
    steps[name] = round(time.monotonic() - began, 1)


def _jobs(
    connection: psycopg.Connection[Any],
    histories: Histories,
    found: Mapping[str, Sequence[Pattern]],
) -> list[streams.Job]:
    """Return the long jobs first, so that at the end no process is left alone with one."""
    plan = histories.plan
    leaves = dict(connection.execute(_PARTITIONS).fetchall())
    by_day = {
        day: next(name for bound, name in leaves.items() if f"FROM ('{day}')" in bound)
        for day in map(str, plan.days)
    }
    whole = [streams.Job(table, range(plan.deliveries), found[table]) for table in _WHOLE]
    return whole + [
        streams.Job(by_day[str(day)], plan.numbers_of(index), found["receipts"])
        for index, day in enumerate(plan.days)
    ]


def _copy(url: str, histories: Histories, jobs: Sequence[streams.Job]) -> None:
    rows = sum(len(job.numbers) * len(job.patterns) for job in jobs)
    with click.progressbar(length=rows, show_pos=True) as bar:
        streams.run(streams.Filler(url, histories), jobs, bar.update)


def _take_indexes(connection: psycopg.Connection[Any], table: str) -> list[sql.Composed]:
    """Take a table's indexes away; return the statements that make them again."""
    constraints = connection.execute(_CONSTRAINTS, [table]).fetchall()
    indexes = connection.execute(_INDEXES, [table]).fetchall()
    named = sql.Identifier(table)
    for name, _ in constraints:
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(drop.format(named, sql.Identifier(name)))
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    again = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
    return [
        *(again.format(named, sql.Identifier(name), sql.SQL(said)) for name, said in constraints),
        *(sql.SQL(said).format() for _, said in indexes),
    ]


def _build(connection: psycopg.Connection[Any], statements: Sequence[sql.Composed]) -> None:
    with click.progressbar(statements, show_pos=True) as bar:
        for statement in bar:
            connection.execute(statement)


def _have_triggers(connection: psycopg.Connection[Any], wanted: str) -> None:
    """Rows that are copied are counted all at once, when they are there."""
    for table in _WHOLE:
        statement = sql.SQL("ALTER TABLE {} {} TRIGGER USER")
        connection.execute(statement.format(sql.Identifier(table), sql.SQL(wanted)))


def _count(connection: psycopg.Connection[Any]) -> None:
    _have_triggers(connection, "ENABLE")
    connection.execute("SET work_mem = '256MB'")
    connection.execute("SELECT derive_anew()")
    oldest_minute = datetime.now(UTC) - stats.MINUTES_KEPT
    while stats.fold(connection, minutes_since=oldest_minute):
        pass


def _finish(connection: psycopg.Connection[Any]) -> None:
    """Let numbering go on behind the rows, and Postgres know what it has."""
    for table in _WHOLE:
        statement = "SELECT setval(pg_get_serial_sequence(%s, 'seq'), (SELECT max(seq) FROM {}))"
        connection.execute(sql.SQL(statement).format(sql.Identifier(table)), [table])
    connection.execute("VACUUM (ANALYZE) sends, deliveries, receipts, changes, deltas, rollups")
    connection.execute("CHECKPOINT")
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    connection.execute(_READ_INDEXES, [list(_WHOLE)])
