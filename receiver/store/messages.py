"""Messages from customers, the newest first."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, not_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from receiver.domain.identity import destination_key
from receiver.store.tables import MessageRow

_SHOWN: Final = (
    MessageRow.id,
    MessageRow.tid,
    MessageRow.accepted_at,
    MessageRow.provider_at,
    MessageRow.provider_at_raw,
    MessageRow.zone_assumed,
    MessageRow.point_id,
    MessageRow.channel,
    MessageRow.kind,
    MessageRow.name,
    MessageRow.sender,
    MessageRow.recipient,
    MessageRow.text,
    MessageRow.subject,
    MessageRow.attachments,
    MessageRow.details,
    MessageRow.quoted,
    MessageRow.correlationid,
)
#: No index has the order of time, only blocks and days do: so the newest are looked for in spans
#: that grow, and most lists are full after the first.
_FIRST_SPAN: Final = timedelta(hours=1)
_GROWTH: Final = 24
_MOST_SPANS: Final = 4
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a list of messages is narrowed to; what is None narrows nothing."""

    tid: str | None = None
    sender: str | None = None
    recipient: str | None = None
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None


#: Time and id of the last message that was shown.
Place = tuple[datetime, UUID]


def newest(
    session: Session,
    sought: Sought,
    *,
    domain: str,
    point_ids: Collection[UUID] = (),
    before: Place | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return messages, the newest first by the time they were accepted, then by id."""
    query = select(*_SHOWN).where(
        MessageRow.domain == domain,
        MessageRow.point_id.in_(point_ids) if point_ids else true(),
        *_narrowed(sought),
    )
    if before is not None:
        query = query.where(tuple_(MessageRow.accepted_at, MessageRow.id) < tuple_(*before))
    found: list[Row[Any]] = []
    for span in _spans(sought, before):
        found += session.execute(_first(query.where(span), limit - len(found))).all()
        if len(found) == limit:
            break
    return found


def _first(query: Select[Any], limit: int) -> Select[Any]:
    return query.order_by(MessageRow.accepted_at.desc(), MessageRow.id.desc()).limit(limit)


def _spans(sought: Sought, before: Place | None) -> Iterator[ColumnElement[bool]]:
    """Yield spans of time, the newest first, that together hold all that is sought."""
    ends = [end for end in (sought.until, before and before[0]) if end]
    until = min(ends, default=None)
    start, span = until or datetime.now(UTC), _FIRST_SPAN
    spans = 0 if sought.tid or sought.sender else _MOST_SPANS  # those have an index
    for _ in range(spans):
        start = start - span
        if sought.since and start <= sought.since:
            break
        yield _between(start, until)
        until, span = start - _TICK, span * _GROWTH
    yield _between(sought.since, until)


def _between(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """Return the condition of a span with both its ends; None leaves one open."""
    copy = aliased(MessageRow)
    conditions: list[ColumnElement[bool]] = []
    copies: list[ColumnElement[bool]] = []
    if since is not None:
        day = since.astimezone(UTC).date()
        conditions += [MessageRow.accepted_at >= since, MessageRow.day >= day]
        copies.append(copy.day >= day - _DAY)
    if until is not None:
        day = until.astimezone(UTC).date()
        conditions += [MessageRow.accepted_at <= until, MessageRow.day <= day]
        copies.append(copy.day < day)
    return and_(*conditions, not_(_is_copy(copy, copies)))


def _is_copy(copy: type[MessageRow], bounds: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Tell whether the day before has the same message: then that one is shown.

    The bounds add nothing but spare the planner all other days.
    """
    query = select(true()).where(
        copy.sender_key == MessageRow.sender_key,
        copy.digest == MessageRow.digest,
        copy.day == MessageRow.day - 1,
        *bounds,
    )
    # A scalar, as EXISTS would be turned into a join with all days.
    return func.coalesce(query.correlate(MessageRow).limit(1).scalar_subquery(), false())


def _narrowed(sought: Sought) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if sought.tid is not None:
        conditions.append(MessageRow.tid == sought.tid)
    if sought.sender is not None:
        conditions.append(MessageRow.sender_key == destination_key(sought.sender))
    if sought.recipient is not None:
        conditions.append(MessageRow.recipient_key == destination_key(sought.recipient))
    if sought.channel is not None:
        conditions.append(MessageRow.channel == sought.channel)
    if sought.until is not None:
        conditions.append(MessageRow.accepted_at < sought.until)
    return conditions
