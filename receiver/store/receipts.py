"""Receipts as they came, for whoever asks why the ledger says what it says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Subquery,
    any_,
    case,
    func,
    literal,
    select,
    union,
)
from sqlalchemy.orm import Session

from receiver.domain.errors import BadInputError
from receiver.domain.identity import KEY_BYTES
from receiver.domain.status import CHANNEL_SPELLINGS, SPELLINGS, UNKNOWN, Status
from receiver.store import arrivals
from receiver.store.arrivals import Excerpt
from receiver.store.sought import ids_of
from receiver.store.tables import DeliveryRow, ReceiptRow, SendRow, Words, table_of

#: A destination's receipts are looked for among those of so many sends.
MOST_SENDS: Final = 5000
_SHOWN: Final = (
    ReceiptRow.day,
    ReceiptRow.digest,
    ReceiptRow.id,
    ReceiptRow.transid,
    ReceiptRow.alias,
    ReceiptRow.accepted_at,
    ReceiptRow.provider_at,
    ReceiptRow.provider_at_raw,
    ReceiptRow.zone_assumed,
    ReceiptRow.point_id,
    ReceiptRow.source,
    ReceiptRow.channel,
    ReceiptRow.destination,
    ReceiptRow.destination_type,
    ReceiptRow.raw_status,
    ReceiptRow.code,
    ReceiptRow.description,
    ReceiptRow.additional_info,
    ReceiptRow.carrier,
    ReceiptRow.segments,
    ReceiptRow.correlationid,
    ReceiptRow.callback_data,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a list is narrowed to: any of several values; what is empty narrows nothing."""

    transid: Sequence[str] = ()
    destination_key: Sequence[str] = ()
    channel: Sequence[str] = ()
    status: Sequence[str] = ()
    """Names of canonical statuses."""
    raw_status: Sequence[str] = ()
    code: Sequence[str] = ()
    correlationid: Sequence[str] = ()


def newest(session: Session, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    """Return receipts, the newest first by the time they were accepted, then by id.

    Raises: BadInputError where a destination's are too many to be looked for.
    """
    conditions = list(_narrowed(sought))
    sends = _sends(session, sought, excerpt.domain)
    if sends is not None:
        found = session.execute(_on_days(sends, excerpt).limit(MOST_SENDS + 1)).all()
        if len(found) > MOST_SENDS:
            raise _too_many()
        if not found:
            return []
        transids = literal([transid for transid, _, _ in found], ARRAY(Words))
        conditions.append(ReceiptRow.transid == any_(transids))
        first, last = min(first for _, first, _ in found), max(last for _, _, last in found)
        excerpt = excerpt.within(first, last)
    spans = arrivals.HOURS if sends is None else arrivals.AT_ONCE
    return arrivals.newest(session, ReceiptRow, _SHOWN, conditions, excerpt=excerpt, spans=spans)


def _sends(session: Session, sought: Sought, domain: str) -> Subquery | None:
    """Return the sends that lead to what is sought, None where nothing does.

    A destination leads to all sends of a family, since one can have its receipts under the transid
    of another.
    """
    days = select(SendRow.transid, SendRow.first_day, SendRow.last_day)
    if sought.transid:
        return days.where(SendRow.id.in_(ids_of(domain, sought.transid))).subquery()
    if not sought.destination_key:
        return None
    delivered = select(DeliveryRow.send_seq).where(
        DeliveryRow.destination_key.in_(sought.destination_key), DeliveryRow.domain == domain
    )
    own = SendRow.seq.in_(delivered)
    is_further = SendRow.base != SendRow.transid
    further = days.where(
        is_further, SendRow.domain == domain, SendRow.base.in_(select(SendRow.base).where(own))
    )
    bases = session.scalars(
        select(SendRow.base).where(own, is_further).distinct().limit(MOST_SENDS + 1)
    ).all()
    if len(bases) > MOST_SENDS:
        raise _too_many()
    theirs = days.where(SendRow.id.in_(ids_of(domain, bases)))
    return union(days.where(own), further, theirs).subquery()


def _on_days(sends: Subquery, excerpt: Excerpt) -> Select[Any]:
    """Return those of the sends that may have receipts between the times that are asked for."""
    query = select(sends).where(sends.c.first_day.is_not(None))
    if excerpt.since:
        query = query.where(sends.c.last_day >= excerpt.since.astimezone(UTC).date())
    if excerpt.until:
        query = query.where(sends.c.first_day <= excerpt.until.astimezone(UTC).date())
    return query


def _too_many() -> BadInputError:
    fault = f"has receipts of more than {MOST_SENDS} sends at that time: narrow since and until"
    return BadInputError(f"destination {fault}", fields={"destination": [fault]})


#: What is compared as it is.
_FILTERS: Final = ("channel", "raw_status", "code", "correlationid")


def _narrowed(sought: Sought) -> Iterator[ColumnElement[bool]]:
    for name in _FILTERS:
        if values := getattr(sought, name):
            yield table_of(ReceiptRow).c[name].in_(values)
    if sought.destination_key:
        yield _destination_key().in_(sought.destination_key)
    if sought.status:
        yield _status_name().in_(sought.status)


def _destination_key() -> ColumnElement[str]:
    """Return the key of a receipt's destination: `identity.destination_key` in SQL."""
    given = ReceiptRow.destination
    digits = func.regexp_replace(given, "[^0-9]", "", "g")
    hashed = func.concat("sha256:", func.encode(func.sha256(func.convert_to(given, "UTF8")), "hex"))
    return case(
        (
            given.regexp_match("^[0-9+() .-]{7,20}$") & (digits != ""),
            func.regexp_replace(digits, "^00", ""),
        ),
        (func.octet_length(given) > KEY_BYTES, hashed),
        else_=given,
    )


def _status_name() -> ColumnElement[str]:
    """Return the canonical status of a receipt: `status.status_of` in SQL."""
    folded = func.regexp_replace(func.lower(ReceiptRow.raw_status), "[^a-z]", "", "g")
    name: ColumnElement[str] = case(_names(SPELLINGS), value=folded, else_=UNKNOWN.name)
    own = [
        (ReceiptRow.channel == channel, case(_names(spellings), value=folded, else_=name))
        for channel, spellings in CHANNEL_SPELLINGS.items()
    ]
    return case(*own, else_=name)


def _names(spellings: Mapping[str, Status]) -> dict[str, str]:
    return {spelling: status.name for spelling, status in spellings.items()}
