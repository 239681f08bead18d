"""Messages from customers, events and calls: two tables that look alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.orm import Session

from receiver.domain.identity import transid_of
from receiver.store import arrivals
from receiver.store.arrivals import Excerpt
from receiver.store.tables import MentionRow, MessageRow, PlatformEventRow, table_of

Notices = type[MessageRow] | type[PlatformEventRow]
_SHOWN: Final = (
    "day",
    "digest",
    "sender_key",
    "id",
    "tid",
    "accepted_at",
    "provider_at",
    "provider_at_raw",
    "zone_assumed",
    "point_id",
    "channel",
    "kind",
    "name",
    "sender",
    "recipient",
    "text",
    "subject",
    "attachments",
    "details",
    "quoted",
    "transid",
    "correlationid",
)
#: What is compared as it is.
_FILTERS: Final = ("tid", "sender_key", "recipient_key", "channel", "kind", "name", "correlationid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a list is narrowed to: any of several values; what is empty narrows nothing."""

    tid: Sequence[str] = ()
    sender_key: Sequence[str] = ()
    recipient_key: Sequence[str] = ()
    channel: Sequence[str] = ()
    kind: Sequence[str] = ()
    name: Sequence[str] = ()
    transid: Sequence[str] = ()
    correlationid: Sequence[str] = ()


def messages(session: Session, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    """Return messages, the newest first by the time they were accepted, then by id."""
    return _newest(session, MessageRow, sought, excerpt)


def events(session: Session, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    """Return events and calls, the newest first by the time they were accepted, then by id."""
    return _newest(session, PlatformEventRow, sought, excerpt)


def _newest(session: Session, row: Notices, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    conditions = list(_narrowed(row, sought))
    if sought.transid:
        naming = _naming(row, excerpt.domain, sought.transid)
        days = session.scalars(select(naming.subquery().c.day).distinct()).all()
        if not days:
            return []
        excerpt = excerpt.within(min(days), max(days))
        conditions.append(tuple_(row.sender_key, row.digest, row.day).in_(naming))
    columns = [table_of(row).c[name] for name in _SHOWN]
    return arrivals.newest(session, row, columns, conditions, excerpt=excerpt, spans=_spans(sought))


def _spans(sought: Sought) -> Sequence[timedelta]:
    if sought.tid or sought.transid:
        return arrivals.AT_ONCE
    return arrivals.DAYS if sought.sender_key else arrivals.HOURS


def _naming(row: Notices, domain: str, transids: Sequence[str]) -> Select[str, bytes, date]:
    """Return the keys of those that name one of these sends."""
    return select(MentionRow.sender_key, MentionRow.digest, MentionRow.day).where(
        MentionRow.name.in_([transid_of(transid) for transid in transids]),
        MentionRow.domain == domain,
        MentionRow.how == "transid",
        MentionRow.place == table_of(row).name,
    )


def _narrowed(row: Notices, sought: Sought) -> Iterator[ColumnElement[bool]]:
    for name in _FILTERS:
        if values := getattr(sought, name):
            yield table_of(row).c[name].in_(values)
