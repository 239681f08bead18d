"""Answers of customers to one send, found when they are asked for.

One that names the send is certain. Else it is one from a recipient to the sender soon after, if
no later send to that recipient came between.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from receiver.domain.sends import REGISTERED_PREFIX
from receiver.store.tables import SendRow, text_by_day

MOST: Final = 100
#: One that names the send may come so much later than any other.
NAMED: Final = timedelta(days=28)
#: Of so many sends to one recipient the newest is looked for.
LOOKED_THROUGH: Final = 1000
#: Of so many notices that share the correlationid of a send those that answer it are looked for.
LOOKED_AT: Final = 10_000

_COLUMNS: Final = "digest, id, tid, source, accepted_at, provider_at, sender, text"
_NAMED: Final = """
    SELECT place, day, sender_key, digest FROM mentions
     WHERE name = ANY(:names) AND domain = :domain AND how IN ('quoted', 'transid')
       AND day BETWEEN :since AND :until
    """
_CORRELATED: Final = """
    SELECT place, day, sender_key, digest FROM mentions
     WHERE name = :correlationid AND domain = :domain AND how = 'correlationid'
       AND day BETWEEN :since AND :until
    """
#: A correlationid must be that of no other send, or the notice come from a recipient.
_NAMINGS: Final = {
    None: _NAMED,
    True: f"{_NAMED} UNION ALL ({_CORRELATED} LIMIT :looked_at)",
    False: f"{_NAMED} UNION ALL ({_CORRELATED} AND sender_key = ANY(:keys) LIMIT :looked_at)",
}
_QUOTED_DAYS: Final = {
    is_unique: text(f"SELECT DISTINCT day FROM ({naming}) n")
    for is_unique, naming in _NAMINGS.items()
}
_QUOTING: Final = f"""
    SELECT {_COLUMNS} FROM named JOIN {{table}} USING (day, sender_key, digest)
     WHERE place = '{{table}}' AND {{table}}.day IN :days
       AND (:all_points OR point_id = ANY(:points))
    """
_QUOTED: Final = {
    is_unique: text_by_day(f"""
    WITH named AS ({naming})
    SELECT * FROM (
        SELECT DISTINCT ON (digest) * FROM (
            {_QUOTING.format(table="messages")} UNION ALL
            {_QUOTING.format(table="platform_events")} AND kind = 'event' AND text <> '') found
         ORDER BY digest, accepted_at, id) once
     ORDER BY accepted_at, id LIMIT :limit
    """)
    for is_unique, naming in _NAMINGS.items()
}
_PAIRED: Final = text_by_day(f"""
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
            SELECT send_seq FROM deliveries d
             WHERE d.domain = :domain AND d.destination_key = m.sender_key
             ORDER BY d.seq DESC LIMIT :looked_through) d
          JOIN sends s ON s.seq = d.send_seq
         WHERE s.transid <> :transid AND (s.recorded OR s.reported)
           AND (:sender = '' OR s.sender_key = :sender)
           AND coalesce(s.requested_at, s.accepted_at) > :began
           AND coalesce(s.requested_at, s.accepted_at) <= m.accepted_at
         LIMIT 1), false)
     ORDER BY accepted_at, id LIMIT :limit
    """)
_IS_UNIQUE: Final = text("""
    SELECT count(*) < 2 FROM (SELECT FROM sends WHERE domain = :domain
        AND correlationid = :correlationid
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
    quoted = _quoted(session, parameters)
    named = {row["digest"] for row in quoted}
    paired = session.execute(_PAIRED, parameters).mappings().all()
    confidence = 0.8 if send.sender_key else 0.5
    found = [Reply(row, "quoted", 1.0) for row in quoted]
    found += [Reply(row, "pair", confidence) for row in paired if row["digest"] not in named]
    return sorted(found, key=lambda reply: (reply.row["accepted_at"], reply.row["id"]))[:MOST]


def _quoted(session: Session, parameters: Mapping[str, Any]) -> Sequence[RowMapping]:
    """Return the notices that name the send."""
    correlated = parameters["correlationid"]
    is_unique = session.scalar(_IS_UNIQUE, parameters) if correlated else None
    days = session.scalars(_QUOTED_DAYS[is_unique], parameters).all()
    if not days:
        return []
    return session.execute(_QUOTED[is_unique], {**parameters, "days": days}).mappings().all()


def _parameters(send: SendRow, began: datetime, window: timedelta) -> dict[str, Any]:
    day = timedelta(days=1)
    seen = send.accepted_at or began
    ahead = datetime.now(UTC) + day  # partitions further ahead cost their share of the planning
    return {
        "domain": send.domain,
        "transid": send.transid,
        "names": [send.transid, f"{send.transid}_0", *send.aliases],
        "correlationid": send.correlationid,
        "sender": send.sender_key,
        "began": began,
        "ended": began + window,
        "first": _day(began),
        "last": _day(min(began + window, ahead)),
        "since": _day(began - day),
        "until": _day(max(began, seen) + window + NAMED),
        "looked_through": LOOKED_THROUGH,
        "looked_at": LOOKED_AT,
        "limit": MOST,
    }


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
