"""What went through lately: what came at each point, what was held, what keeps itself in order."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from receiver.store.tables import PARTITIONED, table_of

#: How far back the last receipt of a point is looked for, as far as is needed.
_REACHES: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1))
#: So many counts that wait for the worker are counted.
_MOST_WAITING: Final = 100_000

#: What we asked for is none of what the platform sends: it would hide that nothing comes.
_RECEIPTS: Final = text("""
    SELECT point_id, count(*) AS n, max(accepted_at) AS last FROM receipts
     WHERE day >= :day AND accepted_at >= :since AND source <> 'reconciled' GROUP BY point_id
    """)
_ARRIVED: Final = text("""
    SELECT (SELECT count(*) FROM receipts WHERE day >= :day AND accepted_at >= :since
               AND source <> 'reconciled')
         + (SELECT count(*) FROM messages WHERE day >= :day AND accepted_at >= :since)
         + (SELECT count(*) FROM platform_events WHERE day >= :day AND accepted_at >= :since)
    """)
#: Of a row `q` in quarantine: nobody replayed or discarded it.
IS_OPEN: Final = """NOT EXISTS (SELECT FROM quarantine_states s
    WHERE s.day = q.day AND s.digest = q.digest AND s.state <> 'open')"""
_HELD: Final = text(f"""
    SELECT point_id, reason, count(*) AS n, max(accepted_at) AS last FROM quarantine q
     WHERE day >= :day AND accepted_at >= :since AND {IS_OPEN} GROUP BY point_id, reason
     ORDER BY n DESC, reason
    """)
_COUNTS_WAITING: Final = text("SELECT count(*) FROM (SELECT FROM deltas LIMIT :most) d")
_IS_HELD: Final = text("""
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = :lock AND objsubid = 1)
    """)
_PARTITIONS_UNTIL: Final = text("""
    SELECT min(newest) FROM (
        SELECT max(to_date(right(part.relname, 8), 'YYYYMMDD')) AS newest
          FROM pg_class parent JOIN pg_inherits i ON i.inhparent = parent.oid
          JOIN pg_class part ON part.oid = i.inhrelid
         WHERE parent.relname = ANY(:tables)
           AND parent.relnamespace = current_schema()::regnamespace GROUP BY parent.oid) p
    """)

#: By the id of a point: how many receipts came in ten minutes, and when the last one did.
Beats = Mapping[UUID | None, tuple[int, datetime | None]]


def receipts(session: Session, point_ids: Sequence[UUID], now: datetime) -> Beats:
    """Return what came at points; of silent ones the last receipt of a day, if there was any."""
    found: dict[UUID | None, tuple[int, datetime | None]] = {}
    for reach in _REACHES:
        if all(id_ in found for id_ in point_ids):
            break
        for row in _since(session, _RECEIPTS, now - reach):
            counted = row["n"] if reach is _REACHES[0] else 0
            found.setdefault(row["point_id"], (counted, row["last"]))
    return {id_: found.get(id_, (0, None)) for id_ in (*point_ids, *found)}


def arrived(session: Session, since: datetime) -> int:
    """Return how many notifications were understood since a moment."""
    return int(session.scalar(_ARRIVED, _window(since)) or 0)


def held(session: Session, since: datetime) -> Sequence[RowMapping]:
    """Return what went to quarantine since a moment: by point and reason how many, and the last."""
    return _since(session, _HELD, since)


def counts_waiting(session: Session) -> int:
    """Return how many counts wait for the worker, at most 100 000."""
    return int(session.scalar(_COUNTS_WAITING, {"most": _MOST_WAITING}) or 0)


def is_held(session: Session, lock: int) -> bool:
    """Tell whether anybody holds an advisory lock."""
    return bool(session.scalar(_IS_HELD, {"lock": lock}))


def partitions_until(session: Session) -> date | None:
    """Return the last day for which every table has its partition."""
    tables = [table_of(row).name for row in PARTITIONED]
    until: date | None = session.scalar(_PARTITIONS_UNTIL, {"tables": tables})
    return until


def _since(session: Session, query: Any, since: datetime) -> Sequence[RowMapping]:
    return session.execute(query, _window(since)).mappings().all()


def _window(since: datetime) -> dict[str, Any]:
    return {"since": since, "day": since.date()}
