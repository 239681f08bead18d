"""The numbers that `receiver status` shows."""

from sqlalchemy import text
from sqlalchemy.orm import Session

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


def overview(session: Session) -> dict[str, object]:
    """Return counts by name, of all points and keys and of the facts of the last 24 hours."""
    return dict(session.execute(text(_COUNTS)).mappings().one())
