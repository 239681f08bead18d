"""A delivery: one send to one destination, the join of the facts that speak of it.

The best fact by the status order decides; the rest is OR, min and max. `merge` is commutative,
associative and idempotent, and that is what makes the ledger converge.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from receiver.domain.facts import Fact, Receipt, Source
from receiver.domain.identity import destination_key, type_of
from receiver.domain.status import ARRIVED, MISSED, REACHED, UNKNOWN, status_of

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
Ordered = TypeVar("Ordered", datetime, date, int, UUID)


class Delivery(Struct, frozen=True, kw_only=True):
    """What became of one send at one destination."""

    domain: str
    transid: str
    """Of the send that it belongs to."""
    destination_key: str
    destination: str
    destination_type: str
    recorded: bool = False
    reported: bool = False
    rank: int
    raw_status: str = ""
    code: str = ""
    description: str = ""
    additional_info: str = ""
    provider_at: datetime | None = None
    provider_at_raw: str = ""
    zone_assumed: bool = False
    reconciled: bool = False
    """Whether the fact that decides was asked for, and not told by the platform itself."""
    decided_digest: bytes
    """Of the fact that decides, which is where `rank` to `decided_at` come from."""
    decided_at: datetime
    also: str = ""
    """The newest unknown spelling among the facts, with its place in the order."""
    also_at: datetime | None = None
    also_digest: bytes = b""
    reached: bool = False
    missed: bool = False
    carrier: str = ""
    segments: int | None = None
    correlationid: str = ""
    first_receipt_at: datetime | None = None
    arrived_at: datetime | None = None


#: What the deciding fact brings along; `merge` takes all of them from one side.
DECIDED: Final = (
    "rank",
    "raw_status",
    "code",
    "description",
    "additional_info",
    "provider_at",
    "provider_at_raw",
    "zone_assumed",
    "reconciled",
    "decided_digest",
    "decided_at",
)


def delivery_of(fact: Fact, receipt: Receipt, owner: str) -> Delivery:
    """Return the delivery of the send `owner` as this one receipt tells it."""
    status = status_of(receipt.channel, receipt.raw_status)
    unknown = status is UNKNOWN
    reconciled = fact.source is Source.RECONCILED
    # when we asked says nothing of when it arrived
    known_at = receipt.provider_at or (None if reconciled else fact.accepted_at)
    return Delivery(
        domain=fact.domain,
        transid=owner,
        destination_key=destination_key(receipt.destination),
        destination=receipt.destination,
        destination_type=type_of(receipt.destination_type, receipt.destination),
        reported=True,
        rank=status.rank,
        raw_status=receipt.raw_status,
        code=receipt.code,
        description=receipt.description,
        additional_info=receipt.additional_info,
        provider_at=receipt.provider_at,
        provider_at_raw=receipt.provider_at_raw,
        zone_assumed=receipt.zone_assumed,
        reconciled=reconciled,
        decided_digest=fact.digest,
        decided_at=fact.accepted_at,
        also=receipt.raw_status if unknown else "",
        also_at=receipt.provider_at if unknown else None,
        also_digest=fact.digest if unknown else b"",
        reached=status.rank in REACHED,
        missed=status.rank in MISSED,
        carrier=receipt.carrier,
        segments=receipt.segments,
        correlationid=receipt.correlationid,
        first_receipt_at=fact.accepted_at,
        arrived_at=known_at if status.rank in ARRIVED else None,
    )


def merge(one: Delivery, other: Delivery) -> Delivery:
    """Return what two accounts of one delivery say together."""
    best = max(one, other, key=_weight)
    also = max(
        one, other, key=lambda each: (each.also_at or _EARLIEST, each.also_digest, each.also)
    )
    destination, destination_type = _named(one, other)
    return replace(
        best,
        destination=destination,
        destination_type=destination_type,
        recorded=one.recorded or other.recorded,
        reported=one.reported or other.reported,
        also=also.also,
        also_at=also.also_at,
        also_digest=also.also_digest,
        reached=one.reached or other.reached,
        missed=one.missed or other.missed,
        carrier=max(one.carrier, other.carrier),
        segments=most(one.segments, other.segments),
        correlationid=max(one.correlationid, other.correlationid),
        first_receipt_at=least(one.first_receipt_at, other.first_receipt_at),
        arrived_at=least(one.arrived_at, other.arrived_at),
    )


def _weight(delivery: Delivery) -> tuple[int, bool, bool, datetime, bytes, timedelta]:
    """Return the status order: what decides has the most of it.

    Rank, then what the platform told by itself before what we asked for, then a code, then the
    later provider time, then the digest.
    Two copies, each kept on its own day, can have been read otherwise: the earlier one counts.
    """
    return (
        delivery.rank,
        not delivery.reconciled,
        delivery.code != "",
        delivery.provider_at or _EARLIEST,
        delivery.decided_digest,
        _LATEST - delivery.decided_at,
    )


def _named(one: Delivery, other: Delivery) -> tuple[str, str]:
    """Return destination and type as receipts name them, else as recorded."""
    if one.reported != other.reported:
        named = one if one.reported else other
        return named.destination, named.destination_type
    return min((each.destination, each.destination_type) for each in (one, other))


def least(one: Ordered | None, other: Ordered | None) -> Ordered | None:
    """Return the smaller one; None stands for nothing known."""
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def most(one: Ordered | None, other: Ordered | None) -> Ordered | None:
    """Return the larger one; None stands for nothing known."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
