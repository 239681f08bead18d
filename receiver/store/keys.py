"""API keys: who may ask for what. Only hashes are kept: a key is random, so a plain one will do."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.domain.errors import BadInputError, NotFoundError
from receiver.domain.facts import new_id
from receiver.store.admin_tables import ApiKeyRow

SCOPES: Final = ("read", "read:pii", "send", "admin")
_PREFIX_LENGTH: Final = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key; not the key itself."""

    id: UUID
    domain: str
    name: str
    prefix: str
    scopes: Sequence[str]
    point_ids: Sequence[UUID]
    """The points that it is narrowed to; none means all of its domain."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Tell whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(
    session: Session,
    *,
    domain: str,
    name: str,
    scopes: Sequence[str],
    point_ids: Sequence[UUID] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; return what is known of it, and the key, which is never shown again."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        allowed = ", ".join(SCOPES)
        raise BadInputError(f"scopes are {allowed}", fields={"scopes": unknown or ["is empty"]})
    secret = f"rk_{secrets.token_urlsafe(32)}"
    row = ApiKeyRow(
        id=new_id(),
        domain=domain,
        name=name,
        prefix=secret[:_PREFIX_LENGTH],
        hash=hash_of(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
        point_ids=list(point_ids),
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return _key(row), secret


def list_(session: Session, *, domain: str | None = None) -> Sequence[ApiKey]:
    """Return the keys of a domain, else all, the oldest first; revoked ones too."""
    query = select(ApiKeyRow).order_by(ApiKeyRow.created_at)
    if domain is not None:
        query = query.where(ApiKeyRow.domain == domain)
    return [_key(row) for row in session.scalars(query)]


def revoke(session: Session, prefix: str) -> ApiKey:
    """End a key for good. Raises NotFoundError."""
    row = session.scalars(select(ApiKeyRow).where(ApiKeyRow.prefix == prefix)).one_or_none()
    if row is None:
        raise NotFoundError(f"no key begins with {prefix}")
    row.revoked_at = row.revoked_at or datetime.now(UTC)
    session.flush()
    return _key(row)


def find(session: Session, secret: str) -> ApiKey | None:
    """Return the key that `secret` is, good or not. The hash is compared, so time tells nothing."""
    query = select(ApiKeyRow).where(ApiKeyRow.hash == hash_of(secret))
    row = session.scalars(query).one_or_none()
    return _key(row) if row else None


def hash_of(secret: str) -> bytes:
    """Return what a key is looked up by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        domain=row.domain,
        name=row.name,
        prefix=row.prefix,
        scopes=tuple(row.scopes),
        point_ids=tuple(row.point_ids),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
