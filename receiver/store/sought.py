"""What lists of sends and of deliveries have in common: how they are narrowed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from receiver.domain.identity import transid_of
from receiver.domain.sends import send_id
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.tables import SendRow

#: Rows of families' locks and of registrations that were completed are none that anybody sent.
SHOWN: Final = or_(SendRow.recorded, SendRow.reported)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is narrowed to; several values mean any of them, none narrows nothing."""

    transid: Sequence[str] = ()
    correlationid: Sequence[str] = ()
    destination: Sequence[str] = ()
    """Keys of destinations; and below those of senders."""
    channel: Sequence[str] = ()
    sender: Sequence[str] = ()
    tag: Sequence[str] = ()
    point: Sequence[str] = ()
    """Ids or codes."""
    recorded: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def among(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of some values."""
    return column == next(iter(values)) if len(values) == 1 else column.in_(values)


def scope(domain: str, point_ids: Collection[UUID]) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of the sends that a key may see."""
    narrowed = SendRow.point_id.in_(point_ids) if point_ids else true()
    return [SendRow.domain == domain, SHOWN, narrowed]


def of_sends(sought: Sought, domain: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions on what sends have, their deliveries through them."""
    columns = (
        (SendRow.channel, sought.channel),
        (SendRow.sender_key, sought.sender),
        (SendRow.tag, sought.tag),
    )
    conditions = [among(column, values) for column, values in columns if values]
    if sought.transid:
        conditions.append(among(SendRow.id, ids_of(domain, sought.transid)))
    if sought.point:
        conditions.append(SendRow.point_id.in_(point_ids_of(sought.point, domain)))
    if sought.recorded is not None:
        conditions.append(SendRow.recorded == sought.recorded)
    return conditions


def ids_of(domain: str, transids: Iterable[str]) -> Sequence[UUID]:
    """Return the ids of the sends with these transids: what their index is by."""
    return [send_id(domain, transid_of(transid)) for transid in transids]


def unknown_points(
    session: Session, named: Collection[str], *, domain: str, point_ids: Collection[UUID] = ()
) -> Sequence[str]:
    """Return the names that are neither id nor code of a point that a key may see, in order.

    Deleted points are known: what came at them is there.
    """
    query = select(IntegrationPoint.id, IntegrationPoint.code)
    query = query.where(IntegrationPoint.id.in_(point_ids_of(named, domain)))
    found = session.execute(query).all()
    visible = [(str(id_), code) for id_, code in found if not point_ids or id_ in point_ids]
    ids, codes = ({row[place] for row in visible} for place in (0, 1))
    return [name for name in named if name.lower() not in ids and name not in codes]


def point_ids_of(named: Collection[str], domain: str) -> Select[UUID]:
    """Return the query of the points of a domain that are named by their ids or codes."""
    ids = cast(IntegrationPoint.id, String)
    by_name = or_(IntegrationPoint.code.in_(named), ids.in_([name.lower() for name in named]))
    return select(IntegrationPoint.id).where(IntegrationPoint.domain == domain, by_name)
