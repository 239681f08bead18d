"""What was sent to somebody and what came from them, as one list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, or_, select, tuple_
from sqlalchemy.orm import Session

from receiver.store import arrivals, notices
from receiver.store.arrivals import Excerpt
from receiver.store.deliveries import OF_ITS_SEND
from receiver.store.tables import DeliveryRow, SendRow

_SENT: Final[Sequence[Any]] = (
    DeliveryRow.seq,
    DeliveryRow.destination,
    DeliveryRow.rank,
    SendRow.id,
    SendRow.registration,
    SendRow.transid,
    SendRow.point_id,
    SendRow.channel,
    SendRow.sender,
    SendRow.text,
    SendRow.correlationid,
    SendRow.requested_at,
    SendRow.accepted_at,
)
#: Above every delivery.
MOST_SEQ: Final = 2**63 - 1
_NOTHING_BEFORE: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Whose conversation, and with whom of ours, by the keys of both: any of several."""

    keys: Sequence[str]
    ours: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """How far both sides of a conversation were shown."""

    sent: int
    heard: arrivals.Place


@dataclass(frozen=True, slots=True)
class Line:
    """A delivery with its send, or a message."""

    row: Row[Any]
    is_sent: bool

    def passed(self, place: Place) -> Place:
        """Return how far both sides were shown once this was, too."""
        if self.is_sent:
            return replace(place, sent=self.row.seq)
        return replace(place, heard=(self.row.accepted_at, self.row.id))


def newest(
    session: Session, sought: Sought, *, after: Place | None, excerpt: Excerpt
) -> tuple[Sequence[Line], Place | None]:
    """Return lines, the newest first by when Receiver first heard of them, and where more follow.

    Each side has an order of its own that no later fact changes, in which it is read from its
    index; what is next of both is compared by time.
    """
    before = (after.sent, after.heard) if after else (None, None)
    one_more = replace(excerpt, limit=excerpt.limit + 1, before=before[1])
    sent = _sent(session, sought, before[0], one_more)
    said = notices.Sought(sender_key=sought.keys, recipient_key=sought.ours)
    heard = notices.messages(session, said, one_more)
    place = after or _above(sent, heard)
    lines = list(_merged(sent, heard))
    shown = lines[: excerpt.limit]
    for line in shown:
        place = line.passed(place)
    return shown, place if len(lines) > len(shown) else None


def _above(sent: Sequence[Row[Any]], heard: Sequence[Row[Any]]) -> Place:
    """Return the place above all there is now: what is said from now on belongs to no later page.

    A side without anything stays so.
    """
    time = heard[0].accepted_at + timedelta(microseconds=1) if heard else _NOTHING_BEFORE
    return Place(sent[0].seq + 1 if sent else 0, (time, UUID(int=0)))


def _merged(sent: Sequence[Row[Any]], heard: Sequence[Row[Any]]) -> Iterator[Line]:
    left = iter(heard)
    message = next(left, None)
    for delivery in sent:
        while message is not None and message.accepted_at >= delivery.accepted_at:
            yield Line(message, is_sent=False)
            message = next(left, None)
        yield Line(delivery, is_sent=True)
    while message is not None:
        yield Line(message, is_sent=False)
        message = next(left, None)


def _sent(
    session: Session, sought: Sought, before: int | None, excerpt: Excerpt
) -> Sequence[Row[Any]]:
    """Return deliveries, the newest first: key by key, as the index has one order for each."""
    query: Select[Any] = (
        select(*_SENT)
        .join(SendRow, OF_ITS_SEND)
        .where(DeliveryRow.domain == excerpt.domain, *_narrowed(sought, excerpt))
        .order_by(DeliveryRow.destination_key.desc(), DeliveryRow.seq.desc())
        .limit(excerpt.limit)
    )
    found: list[Row[Any]] = []
    for key in dict.fromkeys(sought.keys):
        found += session.execute(query.where(*_below(key, before))).all()
    return sorted(found, key=attrgetter("seq"), reverse=True)[: excerpt.limit]


def _below(key: str, before: int | None) -> Iterator[ColumnElement[bool]]:
    """Yield that a delivery has this key and stands below a place.

    An equation would be simpler, and let Postgres walk through all deliveries in the order of
    `seq`, until it found those of a number that was often called some time ago.
    """
    yield DeliveryRow.destination_key >= key
    yield tuple_(DeliveryRow.destination_key, DeliveryRow.seq) < tuple_(
        key, MOST_SEQ if before is None else before
    )


def _narrowed(sought: Sought, excerpt: Excerpt) -> Iterator[ColumnElement[bool]]:
    yield or_(SendRow.recorded, SendRow.reported)
    if sought.ours:
        yield SendRow.sender_key.in_(sought.ours)
    if excerpt.point_ids:
        yield SendRow.point_id.in_(excerpt.point_ids)
    if excerpt.since:
        yield SendRow.accepted_at >= excerpt.since
    if excerpt.until:
        yield SendRow.accepted_at < excerpt.until
