"""Sends as they are asked for: one by any of its names, many by what they have in common."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.orm import Session

from receiver.domain.identity import base_of, transid_of
from receiver.domain.sends import REGISTERED_PREFIX, registered_transid, send_id
from receiver.domain.status import BY_RANK, UNKNOWN, Outcome
from receiver.store import spans
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.sought import Sought, among, ids_of, of_sends, scope
from receiver.store.tables import DeliveryRow, RecordingRow, SendRow

_LISTED: Final[Sequence[Any]] = (
    SendRow.seq,
    SendRow.id,
    SendRow.registration,
    SendRow.transid,
    SendRow.correlationid,
    SendRow.point_id,
    SendRow.channel,
    SendRow.sender,
    SendRow.tag,
    SendRow.state,
    SendRow.recorded,
    SendRow.requested_at,
    SendRow.accepted_at,
    SendRow.aliases,
)

#: By the `seq` of a send: how many deliveries have each outcome.
Outcomes = Mapping[int, Mapping[Outcome, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtSends(Sought):
    """What a list of sends is narrowed to; since and until are when they were accepted."""

    state: Sequence[str] = ()


def find(
    session: Session, name: str, *, domain: str, point_ids: Collection[UUID] = ()
) -> SendRow | None:
    """Return the send with this transid, alias, or id of ours, registered ones included."""
    reported = or_(SendRow.transid == transid_of(name), literal(name) == any_(SendRow.aliases))
    base = base_of(name)
    further = and_(SendRow.base == base, SendRow.base != SendRow.transid)  # it has an index
    in_family = and_(or_(SendRow.id == send_id(domain, base), further), reported)
    visible = scope(domain, point_ids)
    ours_first = (
        select(SendRow)
        .where(*visible, in_family)
        .order_by(SendRow.transid != transid_of(name), SendRow.seq)
    )
    row = session.scalars(ours_first.limit(1)).first()
    return row or find_by_id(session, name, domain=domain, point_ids=point_ids)


def find_by_id(
    session: Session, name: str, *, domain: str, point_ids: Collection[UUID] = ()
) -> SendRow | None:
    """Return the send that is known by this id of ours."""
    try:
        id_ = UUID(name)
    except ValueError:
        return None
    completed = (
        select(RecordingRow.transid)
        .where(RecordingRow.registration == id_, RecordingRow.domain == domain)
        .distinct()
    )
    transids = [*session.scalars(completed), registered_transid(id_)]
    named = SendRow.id.in_([id_, *ids_of(domain, transids)])
    query = select(SendRow).where(*scope(domain, point_ids), named).order_by(SendRow.seq)
    return session.scalars(query.limit(1)).first()


def newest(
    session: Session,
    sought: SoughtSends,
    *,
    domain: str,
    point_ids: Collection[UUID] = (),
    before: int | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return sends, the newest first by `seq`, those below `before`. Orphans are among them."""
    query: Select[Any] = select(*_LISTED).where(
        *scope(domain, point_ids),
        *_narrowed(sought, domain),
        *spans.of_sends(session, sought.since, sought.until),
    )
    if before is not None:
        query = query.where(SendRow.seq < spans.literal(before))
    return session.execute(query.order_by(SendRow.seq.desc()).limit(spans.literal(limit))).all()


def named(
    session: Session, transids: Sequence[str], *, domain: str, point_ids: Collection[UUID] = ()
) -> Sequence[Row[Any] | None]:
    """Return for each transid, in their order, the send that it names, None where there is none.

    A name of a further send that belongs to the base of its family finds the base.
    """
    keys = {key for name in transids for key in (transid_of(name), base_of(name))}
    among_them = SendRow.id.in_(ids_of(domain, keys))
    query = select(*_LISTED).where(*scope(domain, point_ids), among_them)
    found = {row.transid: row for row in session.execute(query)}
    aliases = {alias: row for row in found.values() for alias in row.aliases}
    return [found.get(transid_of(name)) or aliases.get(name) for name in transids]


def outcomes(session: Session, seqs: Collection[int]) -> Outcomes:
    """Count the deliveries of sends by outcome."""
    query = (
        select(DeliveryRow.send_seq, DeliveryRow.rank, func.count())
        .where(DeliveryRow.send_seq.in_(seqs))
        .group_by(DeliveryRow.send_seq, DeliveryRow.rank)
    )
    ranks: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for seq, rank, count in session.execute(query):
        ranks[seq].append((rank, count))
    return {seq: count_outcomes(found) for seq, found in ranks.items()}


def count_outcomes(ranks: Iterable[tuple[int, int]]) -> Mapping[Outcome, int]:
    """Add up by outcome how many deliveries have which rank."""
    counts: Counter[Outcome] = Counter()
    for rank, count in ranks:
        counts[BY_RANK.get(rank, UNKNOWN).outcome] += count
    return counts


def point_codes(session: Session, ids: Collection[UUID | None]) -> Mapping[UUID, str]:
    """Return the codes of points, deleted ones too."""
    query = select(IntegrationPoint.id, IntegrationPoint.code).where(IntegrationPoint.id.in_(ids))
    return {id_: code for id_, code in session.execute(query)}  # noqa: C416  rows are no pairs to mypy


def shown_transid(transid: str) -> str | None:
    """Return the platform's transid, None while a send is only registered."""
    return None if transid.startswith(REGISTERED_PREFIX) else transid


def _narrowed(sought: SoughtSends, domain: str) -> Sequence[ColumnElement[bool]]:
    conditions = [*of_sends(sought, domain)]
    if sought.state:
        conditions.append(among(SendRow.state, sought.state))
    if sought.since is not None:
        conditions.append(SendRow.accepted_at >= sought.since)
    if sought.until is not None:
        conditions.append(SendRow.accepted_at < sought.until)
    if sought.destination:
        key = among(DeliveryRow.destination_key, sought.destination)
        conditions.append(SendRow.seq.in_(_of_deliveries(domain, key)))
    if sought.correlationid:
        conditions.append(SendRow.seq.in_(_correlated(domain, sought.correlationid)))
    return conditions


def _of_deliveries(domain: str, condition: ColumnElement[bool]) -> Select[int]:
    return select(DeliveryRow.send_seq).where(DeliveryRow.domain == domain, condition)


def _correlated(domain: str, ids: Collection[str]) -> Select[int]:
    """Return the sends that have a correlationid themselves, or one of whose deliveries has it."""
    own = select(SendRow.seq).where(SendRow.domain == domain, among(SendRow.correlationid, ids))
    of_delivery = _of_deliveries(domain, among(DeliveryRow.correlationid, ids))
    both = union(own, of_delivery).subquery()
    return select(both.c.seq)
