"""Deliveries of one send."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.store.tables import DeliveryRow

#: Of so many recipients of one send replies are looked for.
MOST_KEYS: Final = 1000


def page(
    session: Session, *, domain: str, transid: str, after: int, limit: int
) -> Sequence[DeliveryRow]:
    """Return deliveries of a send past the `seq` `after`, in the order they became known."""
    query = (
        select(DeliveryRow)
        .where(
            DeliveryRow.domain == domain,
            DeliveryRow.transid == transid,
            DeliveryRow.seq > after,
        )
        .order_by(DeliveryRow.seq)
    )
    return session.scalars(query.limit(limit)).all()


def keys(session: Session, *, domain: str, transid: str) -> Sequence[str]:
    """Return the keys of a send's destinations, at most the first thousand."""
    query = select(DeliveryRow.destination_key).where(
        DeliveryRow.domain == domain, DeliveryRow.transid == transid
    )
    return session.scalars(query.order_by(DeliveryRow.seq).limit(MOST_KEYS)).all()


def deciding(
    session: Session, *, domain: str, transid: str, digests: Collection[bytes]
) -> set[bytes]:
    """Return those of `digests` whose facts decide a delivery of the send."""
    query = select(DeliveryRow.decided_digest).where(
        DeliveryRow.domain == domain,
        DeliveryRow.transid == transid,
        DeliveryRow.decided_digest.in_(digests),
    )
    return set(session.scalars(query))
