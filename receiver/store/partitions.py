"""The daily partitions of the tables that facts stream into.

A partition is made as a plain table and then attached: that takes no lock that an insert or a
long read would wait for, as `CREATE TABLE ... PARTITION OF` does.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.abc import Query

from receiver.store.tables import PARTITIONED, table_of

AHEAD_DAYS = 14


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


def _make(connection: psycopg.Connection[Any], table: str, day: date) -> int:
    parts = {
        "table": sql.Identifier(table),
        "name": sql.Identifier(_name(table, day)),
        "key": sql.Literal(f"{table}:{day}"),
        "start": sql.Literal(day.isoformat()),
        "end": sql.Literal((day + timedelta(days=1)).isoformat()),
    }
    statements: list[Query] = [
        sql.SQL(statement).format(**parts)
        for statement in (
            "SELECT pg_advisory_xact_lock(hashtextextended({key}, 0))",
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
