"""Answers of customers to one send, found when they are asked for.

One that names the send is certain. Else it is one from a recipient to the sender soon after, if
no later send to that recipient came between.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from receiver.domain.sends import REGISTERED_PREFIX
from receiver.store.tables import SendRow

MOST: Final = 100
#: One that names the send may come so much later than any other.
NAMED: Final = timedelta(days=28)
#: Of so many sends to one recipient the newest is looked for.
LOOKED_THROUGH: Final = 1000

_COLUMNS: Final = "digest, id, tid, source, accepted_at, provider_at, sender, text"
_QUOTING: Final = """
    domain = :domain AND day BETWEEN :first AND :last
    AND (:all_points OR point_id = ANY(:points))
    AND ({name} = ANY(:names) AND {name} <> '')
"""
_BY_NAME: Final = " UNION ALL ".join(
    f"SELECT {_COLUMNS} FROM {table} WHERE {_QUOTING.format(name=name)} {more}"
    for table, more in (("messages", ""), ("platform_events", "AND kind = 'event' AND text <> ''"))
    for name in ("quoted", "transid")
)
#: Not unique, so it must be the only send that has it, or come from a recipient.
_BY_CORRELATIONID: Final = " UNION ALL ".join(
    f"SELECT {_COLUMNS} FROM {table} WHERE domain = :domain AND day BETWEEN :first AND :last"
    " AND (:all_points OR point_id = ANY(:points))"
    " AND correlationid = :correlationid AND correlationid <> '' AND transid = ''"
    f" AND (sender_key = ANY(:keys) OR :is_unique) {more}"
    for table, more in (("messages", ""), ("platform_events", "AND kind = 'event' AND text <> ''"))
)
_QUOTED: Final = text(f"""
    SELECT * FROM (
        SELECT DISTINCT ON (digest) * FROM ({_BY_NAME} UNION ALL {_BY_CORRELATIONID}) named
         ORDER BY digest, accepted_at, id) once
     ORDER BY accepted_at, id LIMIT :limit
    """)
_PAIRED: Final = text(f"""
    SELECT * FROM (
        SELECT DISTINCT ON (digest) {_COLUMNS}, sender_key FROM messages
         WHERE sender_key = ANY(:keys) AND sender_key <> '' AND domain = :domain
           AND day BETWEEN :first AND :last
           AND accepted_at >= :began AND accepted_at < :ended
           AND (:sender = '' OR recipient_key = :sender) AND transid = ''
           AND (:all_points OR point_id = ANY(:points))
         ORDER BY digest, accepted_at, id) m
     WHERE NOT coalesce((
        SELECT true FROM (
            SELECT transid FROM deliveries d
             WHERE d.domain = :domain AND d.destination_key = m.sender_key
             ORDER BY d.seq DESC LIMIT :looked_through) d
          JOIN sends s ON s.domain = :domain AND s.transid = d.transid
         WHERE s.transid <> :transid AND (s.recorded OR s.reported)
           AND (:sender = '' OR s.sender_key = :sender)
           AND coalesce(s.requested_at, s.accepted_at) > :began
           AND coalesce(s.requested_at, s.accepted_at) <= m.accepted_at
         LIMIT 1), false)
     ORDER BY accepted_at, id LIMIT :limit
    """)
_IS_UNIQUE: Final = text("""
    SELECT count(*) < 2 FROM (SELECT FROM sends WHERE domain = :domain
        AND correlationid = :correlationid AND correlationid <> ''
        AND (recorded OR reported) LIMIT 2) s
    """)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, how it was found, and how sure that is."""

    row: RowMapping
    method: str
    confidence: float


def of_send(
    session: Session,
    send: SendRow,
    *,
    keys: Sequence[str],
    window: timedelta,
    point_ids: Collection[UUID],
) -> Sequence[Reply]:
    """Return the answers to a send, the oldest first; `keys` are those of its destinations."""
    began = send.requested_at or send.accepted_at
    if began is None or send.transid.startswith(REGISTERED_PREFIX):
        return []
    parameters = _parameters(send, began, window) | {
        "keys": list(keys),
        "all_points": not point_ids,
        "points": list(point_ids),
    }
    parameters["is_unique"] = session.scalar(_IS_UNIQUE, parameters)
    quoted = session.execute(_QUOTED, parameters).mappings().all()
    named = {row["digest"] for row in quoted}
    paired = session.execute(_PAIRED, parameters).mappings().all()
    confidence = 0.8 if send.sender_key else 0.5
    found = [Reply(row, "quoted", 1.0) for row in quoted]
    found += [Reply(row, "pair", confidence) for row in paired if row["digest"] not in named]
    return sorted(found, key=lambda reply: (reply.row["accepted_at"], reply.row["id"]))[:MOST]


def _parameters(send: SendRow, began: datetime, window: timedelta) -> dict[str, Any]:
    day = timedelta(days=1)
    seen = send.accepted_at or began
    latest = min(max(began, seen) + window + NAMED, datetime.now(UTC) + day)
    return {
        "domain": send.domain,
        "transid": send.transid,
        "names": [send.transid, f"{send.transid}_0", *send.aliases],
        "correlationid": send.correlationid,
        "sender": send.sender_key,
        "began": began,
        "ended": began + window,
        "first": (began - day).astimezone(UTC).date(),
        "last": latest.astimezone(UTC).date(),  # partitions ahead cost their share of the planning
        "looked_through": LOOKED_THROUGH,
        "limit": MOST,
    }
