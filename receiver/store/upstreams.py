"""Where the platform is reached for a point, and with which key.

The address is among the point's options (`platform_url`). The key (`token_remote`) lies sealed in
a column of its own, for this point alone, also in the directory, from which the gateway has it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.sealing import Sealer
from receiver.store import sealed
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
        return sealed.opened("token_remote", self.sealed_key, self.point_id, sealer)


def list_(connection: psycopg.Connection[Any]) -> Sequence[Upstream]:
    """Return the upstreams of all points that have address and key, the oldest first."""
    return [
        Upstream(
            point_id=id_,
            domain=domain,
            code=code,
            platform_url=str(opts["platform_url"]),
            zone=zone_of(opts),
            sealed_key=bytes(key),
        )
        for id_, domain, code, opts, key in connection.execute(_LIST)
        if not opts.get("disabled")
    ]


def with_key(session: Session) -> Collection[UUID]:
    """Return the ids of the points that have a service key."""
    has_key = IntegrationPoint.token_remote.is_not(None)
    return set(session.scalars(select(IntegrationPoint.id).where(has_key)))
