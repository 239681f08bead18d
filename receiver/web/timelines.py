"""The timeline of a send: requests, answers, receipts, events and replies in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact, Kind, Send, State
from receiver.domain.status import ACCEPTED, FAILED, UNKNOWN, status_of
from receiver.platform.keys import fold
from receiver.platform.storable import LONG, text_of
from receiver.store import deliveries, timelines
from receiver.store.replies import Reply
from receiver.store.tables import DeliveryRow, SendRow
from receiver.store.timelines import Family, Place
from receiver.web.times import utc, utc_or_none
from receiver.web.veil import Clear

MOST: Final = 100
START: Final = Place(datetime.min.replace(tzinfo=UTC), UUID(int=0))
#: Where times are equal: what we asked, what was answered, receipts by rank, what people did.
_REQUEST, _ANSWER, _AFTER_RECEIPTS = -2, -1, 1000
_ANSWERED: Final = {State.ACCEPTED: ACCEPTED, State.REFUSED: FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline."""

    kind: str
    id: UUID
    source: str
    accepted_at: datetime
    provider_at: datetime | None
    order: int
    destination: str = ""
    status: str | None = None
    raw_status: str | None = None
    code: str | None = None
    description: str | None = None
    decisive: bool = False
    digest: bytes = b""

    @property
    def at(self) -> datetime:
        """The time it stands at."""
        return self.provider_at or self.accepted_at

    def shown(self, veil: Clear) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "id": str(self.id),
            "kind": self.kind,
            "source": self.source,
            "accepted_at": utc(self.accepted_at),
            "provider_at": utc_or_none(self.provider_at),
            "destination": veil.address(self.destination) or None,
            "status": self.status,
            "raw_status": self.raw_status,
            "code": self.code,
            "description": veil.remark(self.description or "") or self.description,
            "decisive": self.decisive,
        }


def page(
    session: Session,
    send: SendRow,
    replies: Sequence[Reply],
    *,
    after: Place,
    known: Sequence[DeliveryRow] | None,
) -> tuple[Sequence[Entry], Place | None]:
    """Return a hundred entries past a place, in order, and the last place if more follow.

    Places are ordered by time and id alone, as indexes can; within a page rank decides.
    `known` are all deliveries of the send, or None where they are too many to be known.
    """
    family = timelines.family_of(session, send)
    limit = MOST + 1
    rows = timelines.receipts(session, family, domain=send.domain, after=after, limit=limit)
    events = timelines.events(session, family, send, after=after, limit=limit)
    answered = {reply.row["id"] for reply in replies}
    others = [
        *_recorded(family.recorded),
        *map(_reply, replies),
        *(_event(row, send) for row in events if row["id"] not in answered),
    ]
    unseen = [entry for entry in others if (entry.at, entry.id) > (after.at, after.id)]
    found = sorted([*map(_receipt, rows), *unseen], key=lambda entry: (entry.at, entry.id))
    shown = found[:MOST]
    last = Place(shown[-1].at, shown[-1].id) if len(found) > MOST else None
    own = _owned(shown, rows, family)
    entries = _with_decisive(own, _deciding(session, send, own, known))
    return sorted(entries, key=lambda entry: (entry.at, entry.order, entry.id)), last


def _owned(entries: Sequence[Entry], rows: Sequence[RowMapping], family: Family) -> list[Entry]:
    """Leave out receipts of the family that belong to another of its sends."""
    foreign = {row["id"] for row in rows if not family.owns(row)}
    return [entry for entry in entries if entry.id not in foreign]


def _deciding(
    session: Session, send: SendRow, entries: Sequence[Entry], known: Sequence[DeliveryRow] | None
) -> set[bytes]:
    if known is not None:
        return {row.decided_digest for row in known}
    digests = {entry.digest for entry in entries if entry.digest}
    return deliveries.deciding(session, send, digests)


def _with_decisive(entries: Sequence[Entry], deciding: set[bytes]) -> list[Entry]:
    return [
        replace(entry, decisive=bool(entry.digest) and entry.digest in deciding)
        for entry in entries
    ]


def _recorded(facts: Sequence[Fact]) -> Iterator[Entry]:
    for fact in facts:
        send = timelines.send_of(fact)
        yield _request(fact, send)
        if send.answer:
            yield _answer(fact, send)


def _request(fact: Fact, send: Send) -> Entry:
    return Entry(
        kind="request",
        id=fact.id,
        source=fact.source.value,
        accepted_at=fact.accepted_at,
        provider_at=send.requested_at,
        order=_REQUEST,
        destination=_sole(send),
    )


def _answer(fact: Fact, send: Send) -> Entry:
    assert send.answer
    return Entry(
        kind="answer",
        id=UUID(int=fact.id.int ^ 1),  # a place of its own beside the request's
        source=fact.source.value,
        accepted_at=fact.accepted_at,
        provider_at=send.answer.at,
        order=_ANSWER,
        destination=_sole(send),
        status=_ANSWERED.get(send.state, UNKNOWN).name,
        code=send.answer.code,
        description=send.answer.description,
    )


def _sole(send: Send) -> str:
    return send.destinations[0].value if len(send.destinations) == 1 else ""


def _receipt(row: RowMapping) -> Entry:
    status = status_of(row["channel"], row["raw_status"])
    return Entry(
        kind="receipt",
        id=row["id"],
        source=row["source"],
        accepted_at=row["accepted_at"],
        provider_at=row["provider_at"],
        order=status.rank,
        destination=row["destination"],
        status=status.name,
        raw_status=row["raw_status"],
        code=row["code"],
        description=row["description"],
        digest=row["digest"],
    )


def _event(row: RowMapping, send: SendRow) -> Entry:
    told = fold(row["details"])
    is_profile = Kind.PROFILE in (row["kind"], send.channel)
    entry = _notice("profile" if is_profile else "event", row)
    description = row["name"] or text_of(told.get("description"), LONG)
    return replace(entry, code=text_of(told.get("code")) or None, description=description)


def _reply(reply: Reply) -> Entry:
    return _notice("reply", reply.row)


def _notice(kind: str, row: RowMapping) -> Entry:
    return Entry(
        kind=kind,
        id=row["id"],
        source=row["source"],
        accepted_at=row["accepted_at"],
        provider_at=row["provider_at"],
        order=_AFTER_RECEIPTS,
        destination=row["sender"],
    )
