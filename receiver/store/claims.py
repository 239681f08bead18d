"""Requests that were given to the gateway under a name, so that none is forwarded twice.

A claim is made before the platform is asked. What came of it is in the recording of the send that
has the id of the claim.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from receiver.domain.facts import Source
from receiver.store.tables import Base

#: How long a claim holds.
LAST: Final = timedelta(hours=24)
#: Claims past their time that are removed with each new one.
_SWEPT: Final = 10


class ClaimRow(Base):
    """One claim."""

    __tablename__ = "gateway_claims"
    __table_args__ = (Index("gateway_claims_claimed_at", "claimed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_digest: Mapped[bytes]
    claimed_at: Mapped[datetime]


class Claim(Struct, frozen=True):
    """A claim that somebody made before."""

    request_digest: bytes
    claimed_at: datetime


_SWEEP: Final = text(f"""
    DELETE FROM gateway_claims WHERE id IN (
        SELECT id FROM gateway_claims WHERE claimed_at < :before
         ORDER BY claimed_at LIMIT {_SWEPT} FOR UPDATE SKIP LOCKED)
    """)
_CLAIM: Final = text("""
    INSERT INTO gateway_claims AS k (id, request_digest, claimed_at) VALUES (:id, :digest, :now)
    ON CONFLICT (id) DO UPDATE SET request_digest = excluded.request_digest,
                                   claimed_at = excluded.claimed_at
     WHERE k.claimed_at < :before
    RETURNING id
    """)
_FIND: Final = text("SELECT request_digest, claimed_at FROM gateway_claims WHERE id = :id")
_RECORDED: Final = text(f"""
    SELECT raw FROM recordings
     WHERE registration = :id AND domain = :domain AND source = '{Source.GATEWAY}'
     ORDER BY accepted_at, id LIMIT 1
    """)


def claim(session: Session, id_: UUID, request_digest: bytes, *, now: datetime) -> Claim | None:
    """Claim an id; return None if that is done, else the claim that holds it."""
    before = {"before": now - LAST}
    session.execute(_SWEEP, before)
    parameters = {"id": id_, "digest": request_digest, "now": now, **before}
    if session.execute(_CLAIM, parameters).first():
        return None
    held = session.execute(_FIND, {"id": id_}).one()
    return Claim(bytes(held.request_digest), held.claimed_at)


def recorded(session: Session, id_: UUID, *, domain: str) -> bytes | None:
    """Return what was exchanged under a claim, as it was recorded; None while nothing is."""
    raw = session.scalars(_RECORDED, {"id": id_, "domain": domain}).first()
    return None if raw is None else bytes(raw)
