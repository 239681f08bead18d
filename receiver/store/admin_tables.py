"""The tables of administration: integration points, API keys, who did what, who was erased."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from receiver.store.tables import Base


class IntegrationPoint(Base):
    """A configured channel of the platform, with its own hook token."""

    __tablename__ = "integration_points"
    __table_args__ = (
        Index(
            "integration_points_code",
            "domain",
            "code",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str]
    code: Mapped[str]
    type: Mapped[str]
    token_local: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    tokens: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    """All hook tokens with their ends, once there are others than `token_local`; see `tokens`."""
    url: Mapped[str] = mapped_column(server_default="")
    recv_svcscriptcode: Mapped[str] = mapped_column(server_default="ws_hook")
    recv_svcscriptcode_ws: Mapped[str] = mapped_column(server_default="")
    send_svcscriptcode: Mapped[str] = mapped_column(server_default="send_to_web")
    send_svcscriptcode_ws: Mapped[str] = mapped_column(server_default="")
    signature_secrets: Mapped[bytes | None]
    """Sealed, as are the next two: see `sealed`. What notifications are signed with."""
    token_remote: Mapped[bytes | None]
    """The platform's service key."""
    profile_key: Mapped[bytes | None]
    """The platform's key for profiles."""
    opts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime]
    written_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class ApiKeyRow(Base):
    """An API key; only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    point_ids: Mapped[list[UUID]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    """One line of the audit log: who did what to what."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("audit_log_domain", "domain", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    domain: Mapped[str]
    who_kind: Mapped[str]
    who: Mapped[str]
    key_id: Mapped[UUID | None]
    verb: Mapped[str]
    kind: Mapped[str]
    ids: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)


class ErasureRow(Base):
    """One form of a person's number or address, from whom all facts are erased.

    `hash` is a fingerprint of domain and folded key; only who has the key can tell whose it is.
    """

    __tablename__ = "erasures"
    __table_args__ = (UniqueConstraint("version", name="erasures_version"),)

    domain: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    pseudonym: Mapped[str]
    erased_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    """What was accepted up to here is applied without the person."""
    version: Mapped[int] = mapped_column(BigInteger, Identity())
    """Rises with whatever is written here, so the highest tells whether anything was."""
