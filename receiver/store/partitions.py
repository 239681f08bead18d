"""The daily partitions of the tables that facts stream into.

A partition is made as a plain table and then attached, and detached concurrently before it is
dropped: that takes no lock that an insert or a long read would wait for, as `CREATE TABLE ...
PARTITION OF` and a plain `DROP` do.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final

import psycopg
from psycopg import errors, sql
from psycopg.abc import Query

from receiver.store.tables import PARTITIONED, table_of

AHEAD_DAYS = 14
#: So long a step of a removal waits for others; and others for it, at the worst.
_PATIENCE_MS: Final = 1500
_ALL: Final = """
    SELECT relname, inhdetachpending FROM pg_class LEFT JOIN pg_inherits ON pg_class.oid = inhrelid
     WHERE relname ~ %s AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
     ORDER BY relname
    """
#: Whoever attaches or drops a partition holds it until the end of the transaction.
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended({key}, 0))"
_DETACH: Final = "ALTER TABLE {table} DETACH PARTITION {name} "
_IS_PARTITION: Final = "SELECT FROM pg_inherits WHERE inhrelid = {literal}::regclass"

Parts = Mapping[str, sql.Composable]


class State(Enum):
    """How far a partition is on its way out; what its place in pg_inherits says."""

    ATTACHED = False
    DETACHING = True
    """Marked as going. Only one of a table can be, and nobody new sees it."""
    DETACHED = None
    """A table of its own, about to be dropped."""


@dataclass(frozen=True)
class Partition:
    """One day of one table."""

    table: str
    day: date
    state: State


def ensure(
    connection: psycopg.Connection[Any], *, today: date, days_ahead: int = AHEAD_DAYS
) -> int:
    """Make the partitions of yesterday to `days_ahead` days from `today`; return how many."""
    days = [today + timedelta(days=offset) for offset in range(-1, days_ahead + 1)]
    return ensure_days(connection, days)


def ensure_days(connection: psycopg.Connection[Any], days: list[date]) -> int:
    """Make the partitions of `days` that are missing; return how many."""
    names = {
        _name(table_of(row).name, day): (table_of(row).name, day)
        for row in PARTITIONED
        for day in days
    }
    known = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_inherits ON pg_class.oid = inhrelid"
        " WHERE relname = ANY(%s) AND relnamespace = current_schema()::regnamespace",
        [list(names)],
    )
    made, faults = 0, []
    for name in sorted(names.keys() - {name for (name,) in known}):
        try:
            made += _make(connection, *names[name])
        except psycopg.Error as error:  # one that can't be had must not keep the others away
            faults.append(error)
    if faults:
        raise faults[0]
    return made


def list_(connection: psycopg.Connection[Any], table: str) -> Sequence[Partition]:
    """Return the partitions of a table, the oldest first, those too that are on their way out."""
    found = connection.execute(_ALL, [f"^{re.escape(table)}_[0-9]{{8}}$"])
    return [
        Partition(table, datetime.strptime(name[-8:], "%Y%m%d").date(), State(going))  # noqa: DTZ007
        for name, going in found
    ]


def remove(
    connection: psycopg.Connection[Any], partition: Partition, *, may_go: Callable[[], bool]
) -> bool:
    """Detach and drop a partition, from where that was left; return whether it is gone.

    It isn't while an older transaction goes on, or while it must not: then it is attached again.
    What fails half-way is found in `list_`. Needs autocommit.
    """
    if partition.state is State.ATTACHED and not may_go():
        return False
    parts = _parts(partition.table, partition.day)
    try:
        with _in_haste(connection):
            if partition.state is not State.DETACHED:
                way = "CONCURRENTLY" if partition.state is State.ATTACHED else "FINALIZE"
                connection.execute(sql.SQL(_DETACH + way).format(**parts))
            if _drop(connection, parts, may_go):
                return True
    except (errors.LockNotAvailable, errors.QueryCanceled):
        return False
    ensure_days(connection, [partition.day])
    return False


def _drop(connection: psycopg.Connection[Any], parts: Parts, may_go: Callable[[], bool]) -> bool:
    """Drop a detached partition, unless it has come to be needed at the last moment."""
    with connection.transaction():
        connection.execute(sql.SQL(_LOCK).format(**parts))
        found = connection.execute(sql.SQL(_IS_PARTITION).format(**parts)).fetchone()
        if found is not None or not may_go():
            return False
        connection.execute(sql.SQL("DROP TABLE {name}").format(**parts))
    return True


@contextmanager
def _in_haste(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let no statement wait for long. SET LOCAL won't do: it needs a transaction."""
    names = ("lock_timeout", "statement_timeout")
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    before = connection.execute(f"SELECT {asked}").fetchone() or ()
    change = "SELECT " + ", ".join(f"set_config('{name}', %s, false)" for name in names)
    connection.execute(change, [f"{_PATIENCE_MS}ms"] * 2)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(change, before)


def sizes(connection: psycopg.Connection[Any], table: str) -> Mapping[date, int]:
    """Return the days of which a table has a partition, the newest first, and their bytes."""
    found = connection.execute(
        "SELECT right(relname, 8), pg_total_relation_size(oid) FROM pg_class"
        " JOIN pg_inherits ON oid = inhrelid WHERE inhparent = %s::regclass ORDER BY 1 DESC",
        [table],
    )
    return {date.fromisoformat(day): size for day, size in found}


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _parts(table: str, day: date) -> Parts:
    """Return what statements about a partition are made of."""
    return {
        "table": sql.Identifier(table),
        "name": sql.Identifier(_name(table, day)),
        "literal": sql.Literal(_name(table, day)),
        "key": sql.Literal(f"{table}:{day}"),
        "start": sql.Literal(day.isoformat()),
        "end": sql.Literal((day + timedelta(days=1)).isoformat()),
    }


def _make(connection: psycopg.Connection[Any], table: str, day: date) -> int:
    parts = _parts(table, day)
    statements: list[Query] = [
        sql.SQL(statement).format(**parts)
        for statement in (
            _LOCK,
            "CREATE TABLE IF NOT EXISTS {name} (LIKE {table} INCLUDING ALL)",
            "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
        )
    ]
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
    except (errors.WrongObjectType, errors.DuplicateTable):
        return 0  # another process attached it between the look and the lock
    return 1
