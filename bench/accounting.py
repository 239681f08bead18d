"""Whether everything that was answered 200 is kept, and kept once."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

#: What was answered out of a spool reaches the database a little later.
PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Account:
    """How many transids were answered 200, are missing somewhere, are somewhere twice."""

    answered: int
    lost: int
    doubled: int


def account(
    url: str,
    answered: Sequence[str],
    *,
    tables: Collection[str],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Account:
    """Look for each transid in each of `tables`; wait a while for what is missing."""
    until = time.monotonic() + patience_seconds
    with psycopg.connect(url, autocommit=True) as connection:
        _load(connection, answered)
        counts = _count(connection, tables)
        while counts.lost and time.monotonic() < until:
            time.sleep(0.5)
            counts = _count(connection, tables)
    return counts


def faults(
    accounts: Mapping[str, Account], refused: Mapping[str, Mapping[int, int]]
) -> Sequence[str]:
    """Return what must not be, in sentences; `refused` are answers other than 200."""
    lost = [f"{name} lost {each.lost}" for name, each in accounts.items() if each.lost]
    doubled = [
        f"{name} kept {each.doubled} more than once"
        for name, each in accounts.items()
        if each.doubled
    ]
    others = [
        f"{name} answered {status or 'nothing'} {times} times"
        for name, statuses in refused.items()
        for status, times in statuses.items()
    ]
    return [*lost, *doubled, *others]


def _load(connection: psycopg.Connection, answered: Sequence[str]) -> None:
    connection.execute('CREATE TEMPORARY TABLE answered (transid text COLLATE "C")')
    with connection.cursor() as cursor, cursor.copy("COPY answered FROM STDIN") as copy:
        for transid in answered:
            copy.write_row((transid,))
    connection.execute("ANALYZE answered")


def _count(connection: psycopg.Connection, tables: Collection[str]) -> Account:
    lost, doubled = zip(*(_count_in(connection, table) for table in tables), strict=True)
    found = connection.execute("SELECT count(*) FROM answered").fetchone()
    return Account(answered=found[0] if found else 0, lost=max(lost), doubled=max(doubled))


def _count_in(connection: psycopg.Connection, table: str) -> tuple[int, int]:
    statement = sql.SQL(
        "SELECT count(*) FILTER (WHERE kept.times IS NULL), count(*) FILTER (WHERE kept.times > 1)"
        " FROM answered LEFT JOIN"
        " (SELECT transid, count(*) AS times FROM {} GROUP BY 1) kept USING (transid)"
    )
    found = connection.execute(statement.format(sql.Identifier(table))).fetchone()
    assert found
    return found[0], found[1]
