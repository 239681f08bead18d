"""Deliveries: those of one send, and lists of them by what became of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, not_, select, union
from sqlalchemy.orm import Session

from receiver.store import spans
from receiver.store.sought import Sought, among, of_sends, scope
from receiver.store.tables import DeliveryRow, SendRow

OF_ITS_SEND: Final = SendRow.seq == DeliveryRow.send_seq
LISTED: Final[Sequence[Any]] = (
    DeliveryRow,
    SendRow.id,
    SendRow.registration,
    SendRow.correlationid,
    SendRow.point_id,
    SendRow.channel,
    SendRow.sender,
    SendRow.tag,
    SendRow.recorded,
    SendRow.requested_at,
)
#: Of so many recipients of one send replies are looked for.
MOST_KEYS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtDeliveries(Sought):
    """What a list of deliveries is narrowed to; since and until are when they became known."""

    ranks: Collection[int] | None = None
    code: Sequence[str] = ()
    carrier: Sequence[str] = ()
    conflict: bool | None = None
    overdue: bool | None = None


def newest(
    session: Session,
    sought: SoughtDeliveries,
    *,
    domain: str,
    point_ids: Collection[UUID] = (),
    before: int | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return deliveries with their sends, the newest first by `seq`, those below `before`."""
    query: Select[Any] = (
        select(*LISTED)
        .join_from(DeliveryRow, SendRow, OF_ITS_SEND)
        .where(
            DeliveryRow.domain == domain,
            *scope(domain, point_ids),
            *of_sends(sought, domain),
            *_narrowed(sought, domain),
            *spans.of_deliveries(session, sought.since, sought.until),
        )
    )
    if before is not None:
        query = query.where(DeliveryRow.seq < spans.literal(before))
    return session.execute(query.order_by(DeliveryRow.seq.desc()).limit(spans.literal(limit))).all()


def page(session: Session, send: SendRow, *, after: int, limit: int) -> Sequence[DeliveryRow]:
    """Return deliveries of a send past the `seq` `after`, in the order they became known."""
    query = select(DeliveryRow).where(DeliveryRow.send_seq == send.seq, DeliveryRow.seq > after)
    return session.scalars(query.order_by(DeliveryRow.seq).limit(limit)).all()


def keys(session: Session, send: SendRow) -> Sequence[str]:
    """Return the keys of a send's destinations, at most the first thousand."""
    query = select(DeliveryRow.destination_key).where(DeliveryRow.send_seq == send.seq)
    return session.scalars(query.order_by(DeliveryRow.seq).limit(MOST_KEYS)).all()


def deciding(session: Session, send: SendRow, digests: Collection[bytes]) -> set[bytes]:
    """Return those of `digests` whose facts decide a delivery of the send."""
    query = select(DeliveryRow.decided_digest).where(
        DeliveryRow.send_seq == send.seq, DeliveryRow.decided_digest.in_(digests)
    )
    return set(session.scalars(query))


def _narrowed(sought: SoughtDeliveries, domain: str) -> Sequence[ColumnElement[bool]]:
    columns = (
        (DeliveryRow.destination_key, sought.destination),
        (DeliveryRow.code, sought.code),
        (DeliveryRow.carrier, sought.carrier),
    )
    conditions = [among(column, values) for column, values in columns if values]
    if sought.ranks is not None:
        conditions.append(DeliveryRow.rank.in_(sought.ranks))
    if sought.conflict is not None:
        both = and_(DeliveryRow.reached, DeliveryRow.missed)
        conditions.append(both if sought.conflict else not_(both))
    if sought.overdue is not None:
        late = and_(DeliveryRow.overdue)
        conditions.append(late if sought.overdue else not_(late))
    if sought.since is not None:
        conditions.append(DeliveryRow.known_at >= sought.since)
    if sought.until is not None:
        conditions.append(DeliveryRow.known_at < sought.until)
    if sought.correlationid:
        conditions.append(DeliveryRow.seq.in_(_correlated(domain, sought.correlationid)))
    return conditions


def _correlated(domain: str, ids: Collection[str]) -> Select[int]:
    """Return the deliveries that have a correlationid themselves, or whose send has it."""
    own = select(DeliveryRow.seq).where(
        DeliveryRow.domain == domain, among(DeliveryRow.correlationid, ids)
    )
    of_send = (
        select(DeliveryRow.seq)
        .join_from(SendRow, DeliveryRow, OF_ITS_SEND)
        .where(SendRow.domain == domain, among(SendRow.correlationid, ids))
    )
    both = union(own, of_send).subquery()
    return select(both.c.seq)
