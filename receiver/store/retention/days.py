"""Days that are past their time: whole partitions, and what hangs on their rows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import sql

from receiver.store import partitions
from receiver.store.partitions import Partition, State
from receiver.store.retention.gone import Gone, keep_in_mind

#: The tables that are kept by day, by what their rows are called.
TABLES: Final = {
    "receipts": "receipts",
    "messages": "messages",
    "events": "platform_events",
    "quarantine": "quarantine",
}
#: Of these each row is told of in the feed, and may name sends.
_NOTICES: Final = frozenset({"messages", "platform_events"})
#: Rows that are deleted in one transaction. Each can have attachments of many MiB.
MOST: Final = 250

#: The feed is told by the trigger.
_DELETE_NOTICES: Final = sql.SQL("""
    WITH gone AS (
        DELETE FROM {table} WHERE day = {day} AND ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE day = {day} LIMIT {most}))
        RETURNING domain, sender_key, day, digest, quoted, transid, correlationid),
    unnamed AS (
        DELETE FROM mentions m USING gone n
         WHERE m.name = ANY(ARRAY[n.quoted, n.transid, n.correlationid]) AND m.domain = n.domain
           AND m.how = ANY('{{quoted,transid,correlationid}}') AND m.sender_key = n.sender_key
           AND m.day = n.day AND m.digest = n.digest AND m.place = {place})
    SELECT count(*) FROM gone
    """)
_DELETE_STATES: Final = """
    DELETE FROM quarantine_states WHERE (day, digest) IN (
        SELECT day, digest FROM quarantine_states
         WHERE day < %s AND day <> ALL(%s::date[]) LIMIT %s)
    """


def remove(
    connection: psycopg.Connection[Any],
    what: str,
    *,
    before: date,
    may_go: Callable[[date], bool] = lambda _: True,
) -> Iterator[Gone]:
    """Remove the days of one kind before a day, the oldest first; yield after each piece.

    What can't go at this moment is `postponed`.
    """
    found = partitions.list_(connection, TABLES[what])
    past = [each for each in found if each.day < before]
    for partition in sorted(past, key=lambda each: each.state is not State.DETACHING):
        if partition.state is State.ATTACHED and partition.table in _NOTICES:
            yield from _remove_notices(connection, what, partition)
        gone = partitions.remove(connection, partition, may_go=partial(may_go, partition.day))
        yield Gone(f"{what}_days" if gone else "postponed", 1)
    if past:
        keep_in_mind(connection, what, before)


def _remove_notices(
    connection: psycopg.Connection[Any], what: str, partition: Partition
) -> Iterator[Gone]:
    """Delete the rows of a day, some at a time."""
    statement = _DELETE_NOTICES.format(
        table=sql.Identifier(partition.table),
        day=sql.Literal(partition.day.isoformat()),
        most=sql.Literal(MOST),
        place=sql.Literal(partition.table),
    )
    while True:
        with connection.transaction():
            connection.execute("SET LOCAL receiver.cause = 'retention'")
            row = connection.execute(statement).fetchone()
        if not row or not row[0]:
            return
        yield Gone(what, row[0])


def remove_states(
    connection: psycopg.Connection[Any], *, before: date, left: Sequence[date]
) -> Iterator[Gone]:
    """Remove what became of the quarantine of days before a day that are not `left` either.

    Each time anew, as one may be written down while its day goes.
    """
    while gone := connection.execute(_DELETE_STATES, [before, left, MOST]).rowcount:
        yield Gone("quarantine_states", gone)
