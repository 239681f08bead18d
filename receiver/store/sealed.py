"""The secrets of integration points, each sealed in a column of its own, for its point alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from receiver.domain.errors import SealedError
from receiver.sealing import Sealer
from receiver.store.admin_tables import IntegrationPoint

COLUMNS: Final = ("token_remote", "signature_secrets", "profile_key")
_BATCH: Final = 100

Ids = Sequence[UUID]


def seal(column: str, plain: str, point_id: UUID, sealer: Sealer) -> bytes | None:
    """Return what to keep of a text; nothing of an empty one."""
    return sealer.seal(plain.encode(), context=_context(column, point_id)) if plain else None


def opened(column: str, sealed: bytes | None, point_id: UUID, sealer: Sealer) -> str:
    """Return the text that was sealed, empty where none was.

    Raises: SealedError where our keys don't open it.
    """
    if sealed is None:
        return ""
    return sealer.open(bytes(sealed), context=_context(column, point_id)).decode()


@dataclass(slots=True)
class Resealed:
    """What became of the secrets of some points: how many were sealed anew, of which points."""

    points: dict[str, list[str]] = field(default_factory=dict)
    """Ids by domain."""
    secrets: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Which secrets of which points none of our keys opens."""


def point_ids(session: Session) -> Ids:
    """Return the points that have secrets, deleted ones too."""
    has_any = or_(*(getattr(IntegrationPoint, column).is_not(None) for column in COLUMNS))
    return session.scalars(select(IntegrationPoint.id).where(has_any)).all()


def batches(ids: Ids) -> Iterator[Ids]:
    """Return ids in as many as are resealed in one transaction."""
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


def reseal(session: Session, ids: Ids, sealer: Sealer) -> Resealed:
    """Seal with the first key what is sealed with another."""
    done = Resealed()
    query = select(IntegrationPoint).where(IntegrationPoint.id.in_(ids))
    for row in session.scalars(query.order_by(IntegrationPoint.id).with_for_update()):
        fresh = sum(_reseal(row, column, sealer, done) for column in COLUMNS)
        if fresh:
            done.secrets += fresh
            done.points.setdefault(row.domain, []).append(str(row.id))
    session.flush()
    return done


def _reseal(row: IntegrationPoint, column: str, sealer: Sealer, done: Resealed) -> bool:
    sealed = getattr(row, column)
    if sealed is None or sealer.is_newest(sealed):
        return False
    try:
        plain = opened(column, sealed, row.id, sealer)
    except SealedError:
        done.unreadable.append(f"{row.code} ({column})")
        return False
    setattr(row, column, seal(column, plain, row.id, sealer))
    return True


def _context(column: str, point_id: UUID) -> bytes:
    return f"{column} of ".encode() + point_id.bytes
