"""What came lately: at each point, into quarantine, and of counts that wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

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


def _since(session: Session, query: Any, since: datetime) -> Sequence[RowMapping]:
    return session.execute(query, _window(since)).mappings().all()


def _window(since: datetime) -> dict[str, Any]:
    return {"since": since, "day": since.date()}
