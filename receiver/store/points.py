"""Integration points: who may post to which hook, and how what comes is read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from receiver.domain.errors import ConflictError, NotFoundError
from receiver.domain.facts import new_id
from receiver.store import tokens
from receiver.store.admin_tables import IntegrationPoint

#: By the constraint that a row breaks, what its domain has already.
_TAKEN: Final[Mapping[str, str]] = {
    "integration_points_pkey": "the id is not free",
    "integration_points_token_hash_key": "the token_local is not free",
    "integration_points_code": "the domain has a point with this code already",
}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A configured channel of the platform, as one of its hook tokens opens it."""

    id: UUID
    domain: str
    code: str
    type: str
    token_local: str = field(repr=False)
    opts: Mapping[str, Any]
    created_at: datetime
    hook_token: str = field(default="", repr=False)
    """The token that opens it."""
    signature_secrets: bytes | None = field(default=None, repr=False)
    """Sealed; see `signing`. So are the platform's keys, for the gateway: see `sealed`."""
    token_remote: bytes | None = field(default=None, repr=False)
    profile_key: bytes | None = field(default=None, repr=False)
    closes_at: datetime | None = None
    """When the token stops opening it, since it was replaced or the point was deleted."""


def add(
    session: Session,
    *,
    domain: str,
    code: str,
    type: str = "public",  # noqa: A002  the platform's own word
    title: str = "",
) -> Point:
    """Make a point with a new hook token. Raises ConflictError if the domain has the code."""
    row = new(domain=domain, code=code, type=type)
    row.opts = {"title": title} if title else {}
    session.add(row)
    flush(session)
    return _point(row)


def new(
    *,
    domain: str,
    code: str,
    type: str,  # noqa: A002
    id_: UUID | None = None,
    token_local: str = "",
) -> IntegrationPoint:
    """Return a row with what no point is without; it is in no session yet."""
    now = datetime.now(UTC)
    token = token_local or tokens.fresh()
    return IntegrationPoint(
        id=id_ or new_id(),
        domain=domain,
        code=code,
        type=type,
        token_local=token,
        token_hash=hash_of(token),
        tokens=[],
        opts={},
        created_at=now,
        written_at=now,
    )


def flush(session: Session) -> None:
    """Write what has changed. Raises ConflictError for an id, code or token that is taken."""
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        cause = error.orig
        name = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
        raise ConflictError(_TAKEN.get(name or "", "it contradicts what there is")) from error


def list_(session: Session, *, domain: str | None = None) -> Sequence[Point]:
    """Return the points of a domain, else all, the oldest first."""
    query = select(IntegrationPoint).where(IntegrationPoint.deleted_at.is_(None))
    if domain is not None:
        query = query.where(IntegrationPoint.domain == domain)
    return [_point(row) for row in session.scalars(query.order_by(IntegrationPoint.created_at))]


def get(session: Session, *, domain: str, code_or_id: str) -> Point:
    """Return one point. Raises NotFoundError."""
    for point in list_(session, domain=domain):
        if code_or_id in (point.code, str(point.id)):
            return point
    raise NotFoundError(f"the domain {domain} has no point {code_or_id}")


def find_by_id(session: Session, id_: UUID) -> Point | None:
    """Return a point, be it deleted."""
    row = session.get(IntegrationPoint, id_)
    return _point(row) if row else None


def zone_of(opts: Mapping[str, Any]) -> tzinfo:
    """Return the zone of times that name none; UTC where a point's options name none either."""
    return _zone(str(opts.get("timezone") or "UTC"))


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, a directory of zones
        log.warning("unknown_timezone")
        return UTC


def hash_of(token: str) -> bytes:
    """Return what a token is looked up by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _point(row: IntegrationPoint) -> Point:
    return Point(
        id=row.id,
        domain=row.domain,
        code=row.code,
        type=row.type,
        token_local=row.token_local,
        opts=row.opts,
        created_at=row.created_at,
        signature_secrets=row.signature_secrets,
    )
