"""What happened to one send, from all its facts, in pages ordered by time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact, Send
from receiver.domain.identity import transid_of
from receiver.domain.ledger import Owners
from receiver.domain.recordings import fold_recordings
from receiver.store import recordings
from receiver.store.sought import ids_of
from receiver.store.tables import SendRow, text_by_day

#: Recordings of one send that are shown.
MOST_RECORDINGS: Final = 50
#: Of events that share a correlationid so many are looked at.
LOOKED_AT: Final = 1000
#: So long after a send's last receipt events are looked for.
EVENT_DAYS: Final = 31

#: A copy on a neighbouring day is the same receipt; the first one counts.
_RECEIPTS: Final = text_by_day("""
    SELECT * FROM (
        SELECT DISTINCT ON (digest) digest, id, source, accepted_at, provider_at, transid,
               destination, channel, raw_status, code, description,
               coalesce(provider_at, accepted_at) AS at
          FROM receipts
         WHERE transid = ANY(:transids) AND day BETWEEN :first AND :last AND domain = :domain
         ORDER BY digest, accepted_at, id) r
     WHERE (at, id) > (:at, :id) ORDER BY at, id LIMIT :limit
    """)
_NAMED: Final = """
    SELECT day, sender_key, digest FROM mentions
     WHERE name = ANY(:{names}) AND domain = :domain AND how = '{how}'
       AND place = 'platform_events' AND day BETWEEN :since AND :until
    """
#: An event names a send by its transid, or by a correlationid where it has none.
_NAMING: Final = (
    _NAMED.format(names="transids", how="transid")
    + f"UNION (({_NAMED.format(names='correlationids', how='correlationid')}) LIMIT {LOOKED_AT})"
)
_EVENT_DAYS: Final = text(f"SELECT DISTINCT day FROM ({_NAMING}) n")
_EVENTS: Final = text_by_day(f"""
    SELECT * FROM (
        SELECT DISTINCT ON (digest) digest, id, source, accepted_at, provider_at, sender, name,
               kind, details, coalesce(provider_at, accepted_at) AS at
          FROM ({_NAMING}) n JOIN platform_events USING (day, sender_key, digest)
         WHERE platform_events.day IN :days
         ORDER BY digest, accepted_at, id) e
     WHERE (at, id) > (:at, :id) ORDER BY at, id LIMIT :limit
    """)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a timeline: what comes after it is what is still to be shown."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Family:
    """Which receipts are a send's: those of its transid, and some of its aliases."""

    transid: str
    transids: Sequence[str]
    recorded: Sequence[Fact]
    """Recordings of this very send."""
    owners: Owners
    first: date | None
    last: date | None

    def correlationids(self, send: SendRow) -> Sequence[str]:
        """Return the names that its sender gave it, and each of its destinations."""
        sent = [send_of(fact) for fact in self.recorded]
        named = {each.correlationid for one in sent for each in one.destinations}
        return sorted({send.correlationid, *(one.correlationid for one in sent), *named} - {""})

    def owns(self, receipt: RowMapping) -> bool:
        """Tell whether a receipt of these transids is this send's."""
        return self.owners(receipt["transid"], receipt["destination"]) == self.transid


def family_of(session: Session, send: SendRow) -> Family:
    """Return what is needed to tell a send's receipts."""
    transids = sorted({send.transid, *map(transid_of, send.aliases)})
    facts = recordings.of_transids(
        session, domain=send.domain, transids={send.transid, send.base}, most=MOST_RECORDINGS
    )
    folded = fold_recordings(facts)
    days = _days(session, send, transids)
    return Family(
        transid=send.transid,
        transids=transids,
        recorded=[fact for fact, _ in folded[send.transid].facts] if send.transid in folded else [],
        owners=Owners(send.base, folded),
        first=min(days, default=None),
        last=max(days, default=None),
    )


def _days(session: Session, send: SendRow, transids: Sequence[str]) -> Sequence[date]:
    """Return the days between which the receipts of all these transids were accepted."""
    own = [send.first_day, send.last_day]
    if len(transids) > 1:
        rows = session.query(SendRow.first_day, SendRow.last_day).where(
            SendRow.id.in_(ids_of(send.domain, transids))
        )
        own += [day for row in rows for day in row]
    return [day for day in own if day]


def receipts(
    session: Session, family: Family, *, domain: str, after: Place, limit: int
) -> Sequence[RowMapping]:
    """Return receipts under the transids of a family past a place, ordered by time."""
    if family.first is None:
        return []
    parameters = _page(family.transids, after, limit) | {
        "domain": domain,
        "first": family.first,
        "last": family.last,
    }
    return session.execute(_RECEIPTS, parameters).mappings().all()


def events(
    session: Session, family: Family, send: SendRow, *, after: Place, limit: int
) -> Sequence[RowMapping]:
    """Return events that name a send, past a place, ordered by time."""
    accepted = send.accepted_at.date() if send.accepted_at else None
    days = [day for day in (accepted, family.first, family.last) if day]
    if not days:
        return []
    parameters = _page(family.transids, after, limit) | {
        "correlationids": family.correlationids(send),
        "domain": send.domain,
        "since": min(days) - timedelta(days=1),
        "until": max(days) + timedelta(days=EVENT_DAYS),
    }
    found = session.scalars(_EVENT_DAYS, parameters).all()
    if not found:
        return []
    return session.execute(_EVENTS, parameters | {"days": found}).mappings().all()


def _page(transids: Sequence[str], after: Place, limit: int) -> dict[str, Any]:
    return {"transids": list(transids), "at": after.at, "id": after.id, "limit": limit}


def send_of(fact: Fact) -> Send:
    """Return what a recording says."""
    assert isinstance(fact.body, Send)
    return fact.body
