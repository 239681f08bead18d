"""Where the platform is reached for a point, and with which key.

The address is among the point's options (`platform_url`). The key (`token_remote`) lies sealed in
a column of its own, for this point alone; the directory, and so the way in, never sees it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.domain.errors import NotFoundError
from receiver.sealing import Sealer
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.points import zone_of

_LIST: Final = """
    SELECT id, domain, code, opts, token_remote FROM integration_points
     WHERE deleted_at IS NULL AND token_remote IS NOT NULL AND opts ->> 'platform_url' <> ''
     ORDER BY created_at, id
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The platform as one point reaches it."""

    point_id: UUID
    domain: str
    code: str
    platform_url: str
    zone: tzinfo
    """Of times that name none."""
    sealed_key: bytes = field(repr=False)

    def key(self, sealer: Sealer) -> str:
        """Return the service key. Raises SealedError where our keys don't open it."""
        return sealer.open(self.sealed_key, context=_context(self.point_id)).decode()


def list_(connection: psycopg.Connection[Any]) -> Sequence[Upstream]:
    """Return the upstreams of all points that have address and key, the oldest first."""
    return [
        Upstream(
            point_id=id_,
            domain=domain,
            code=code,
            platform_url=str(opts["platform_url"]),
            zone=zone_of(opts),
            sealed_key=bytes(sealed),
        )
        for id_, domain, code, opts, sealed in connection.execute(_LIST)
        if not opts.get("disabled")
    ]


def with_key(session: Session) -> Collection[UUID]:
    """Return the ids of the points that have a service key."""
    has_key = IntegrationPoint.token_remote.is_not(None)
    return set(session.scalars(select(IntegrationPoint.id).where(has_key)))


def set_url(session: Session, point_id: UUID, platform_url: str) -> None:
    """Say where the platform is; an empty text takes the address away. Raises NotFoundError."""
    row = _row(session, point_id)
    others = {name: value for name, value in row.opts.items() if name != "platform_url"}
    row.opts = others | ({"platform_url": platform_url} if platform_url else {})
    session.flush()


def set_key(session: Session, point_id: UUID, key: str, sealer: Sealer) -> None:
    """Keep the service key, sealed. Raises NotFoundError."""
    row = _row(session, point_id)
    row.token_remote = sealer.seal(key.encode(), context=_context(point_id))
    session.flush()


def drop_key(session: Session, point_id: UUID) -> None:
    """Forget the service key. Raises NotFoundError."""
    _row(session, point_id).token_remote = None
    session.flush()


def _row(session: Session, point_id: UUID) -> IntegrationPoint:
    row = session.get(IntegrationPoint, point_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no point {point_id}")
    row.written_at = datetime.now(UTC)
    return row


def _context(point_id: UUID) -> bytes:
    return b"token_remote of " + point_id.bytes
