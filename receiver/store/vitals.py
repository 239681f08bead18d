"""What tells how the database is: whether anybody works in it, and who waits for whom.

Each is one cheap query, whatever the tables hold.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store.tables import PARTITIONED, table_of

#: Held by the one worker that works, for as long as its connection lasts.
WORKER_LOCK: Final = 0x5EC_E17E12

_WORKS: Final = text("""
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = :lock AND objsubid = 1)
    """)
_DAYS: Final = text("""
    SELECT parent.relname, right(c.relname, 8) FROM pg_inherits i
      JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
     WHERE parent.relnamespace = current_schema()::regnamespace
       AND parent.relname = ANY(:tables) AND right(c.relname, 8) >= :today
    """)
#: Other users' connections show nothing but their database to a user like ours: they are `other`.
_CONNECTIONS: Final = text("""
    SELECT CASE WHEN state = 'active' AND wait_event_type = 'Lock' THEN 'waiting_for_lock'
                WHEN state = 'active' AND wait_event_type IN ('IO', 'LWLock', 'IPC', 'BufferPin')
                THEN 'waiting_for_server'
                WHEN state = 'active' THEN 'active'
                WHEN state = 'idle' THEN 'idle'
                WHEN state LIKE 'idle in transaction%' THEN 'idle_in_transaction'
                ELSE 'other' END, count(*)
      FROM pg_stat_activity
     WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
     GROUP BY 1
    """)
_MOST: Final = text("SELECT current_setting('max_connections')::int")
CONNECTION_STATES: Final = (
    "active",
    "waiting_for_lock",
    "waiting_for_server",
    "idle",
    "idle_in_transaction",
    "other",
)


class Connections(Struct, frozen=True):
    """The connections of a whole server, by what they do."""

    by_state: Mapping[str, int]
    most: int
    """How many the server lets in."""


def days_ahead(session: Session, today: date) -> int:
    """Return for how many days after today, in a row, every table has its partition.

    -1 where today's own is missing.
    """
    tables = {table_of(row).name for row in PARTITIONED}
    parameters = {"tables": sorted(tables), "today": f"{today:%Y%m%d}"}
    known = {(table, day) for table, day in session.execute(_DAYS, parameters)}
    ahead = -1
    while tables <= {
        table for table, day in known if day == f"{today + timedelta(days=ahead + 1):%Y%m%d}"
    }:
        ahead += 1
    return ahead


def worker_works(session: Session) -> bool:
    """Tell whether a worker does what needs one owner."""
    return bool(session.scalar(_WORKS, {"lock": WORKER_LOCK}))


def connections(session: Session) -> Connections:
    """Return what all connections of the server do."""
    found = {state: n for state, n in session.execute(_CONNECTIONS)}  # noqa: C416  no pairs to mypy
    return Connections(
        dict.fromkeys(CONNECTION_STATES, 0) | found, session.execute(_MOST).scalar_one()
    )
