"""The numbers that `receiver status` shows."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store.retention.gone import kept_from

#: Facts are counted over the last 24 hours: two partitions at most, however old the ledger. What
#: we asked for is none of what the platform sends: it would hide that nothing comes.
_COUNTS = """
WITH recent AS (SELECT now() - interval '24 hours' AS since)
SELECT (SELECT count(*) FROM integration_points WHERE deleted_at IS NULL) AS points,
       (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL) AS keys,
       (SELECT count(*) FROM sends WHERE recorded AND accepted_at >= since) AS sends_24h,
       (SELECT count(*) FROM sends WHERE reported AND NOT recorded AND accepted_at >= since)
           AS orphans_24h,
       (SELECT count(*) FROM receipts WHERE day >= since::date AND accepted_at >= since
           AND source <> 'reconciled') AS receipts_24h,
       (SELECT count(*) FROM messages WHERE day >= since::date AND accepted_at >= since)
           AS messages_24h,
       (SELECT count(*) FROM platform_events WHERE day >= since::date AND accepted_at >= since)
           AS events_24h,
       (SELECT count(*) FROM quarantine WHERE day >= since::date AND accepted_at >= since)
           AS quarantined_24h,
       (SELECT max(accepted_at) FROM receipts WHERE day >= since::date
           AND source <> 'reconciled') AS last_receipt_at
  FROM recent
"""
#: As Postgres estimates them: at the last vacuum or analyze, -1 before the first.
_ROWS: Final = text("""
    SELECT coalesce(parent.relname, c.relname), sum(greatest(c.reltuples, 0))::bigint
      FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      LEFT JOIN pg_class parent ON parent.oid = i.inhparent
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace GROUP BY 1
    """)
_ELSEWHERE: Final = {"events": "platform_events", "audit": "audit_log"}


class Kept(NamedTuple):
    """How long something is kept, and what there is of it."""

    days: int | None
    """None is for ever."""
    rows: int
    """About so many."""
    since: date | None
    """What was before it has gone; None where nothing has."""


def kept(session: Session, keep: Mapping[str, timedelta | None]) -> Mapping[str, Kept]:
    """Return what is kept of everything that has its time."""
    rows = {table: count for table, count in session.execute(_ROWS)}  # noqa: C416  no pairs to mypy
    since = kept_from(session)
    return {
        what: Kept(
            time.days if time else None, rows.get(_ELSEWHERE.get(what, what), 0), since.get(what)
        )
        for what, time in keep.items()
    }


def overview(session: Session) -> dict[str, object]:
    """Return counts by name, of all points and keys and of the facts of the last 24 hours."""
    return dict(session.execute(text(_COUNTS)).mappings().one())
