"""The secrets that a point's notifications are signed with, sealed for that point alone."""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from receiver.sealing import Sealer
from receiver.store.admin_tables import IntegrationPoint


def keep(session: Session, point_id: UUID, secrets: Sequence[str], sealer: Sealer) -> None:
    """Keep the secrets of a point, in the place of those it had."""
    plain = json.dumps(list(secrets)).encode()
    sealed = sealer.seal(plain, context=_context(point_id)) if secrets else None
    change = update(IntegrationPoint).where(IntegrationPoint.id == point_id)
    session.execute(change.values(signature_secrets=sealed))


def opened(sealed: bytes, point_id: UUID, sealer: Sealer) -> Sequence[str]:
    """Return the secrets. Raises SealedError where our keys don't open them."""
    plain = sealer.open(sealed, context=_context(point_id))
    return [str(secret) for secret in json.loads(plain)]


def _context(point_id: UUID) -> bytes:
    return b"signature_secrets of " + point_id.bytes
