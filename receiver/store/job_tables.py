"""The tables of what is done about what could not be understood, at once or by the worker."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from receiver.store.tables import Base


class QuarantineStateRow(Base):
    """What was done about one row of the quarantine, which has its key; without any it is open."""

    __tablename__ = "quarantine_states"

    day: Mapped[date] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    state: Mapped[str]
    replays: Mapped[list[Any]] = mapped_column(server_default="[]")
    """The latest of them, the oldest first."""
    written_at: Mapped[datetime]


class JobRow(Base):
    """Work that the worker does piece by piece, for a caller who looks how far it is."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_open", "created_at", postgresql_where=text("ended_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str]
    kind: Mapped[str]
    point_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """The points that whoever began it is narrowed to; none means all."""
    who_kind: Mapped[str]
    who: Mapped[str]
    key_id: Mapped[UUID | None]
    asked: Mapped[dict[str, Any]]
    state: Mapped[str]
    total: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger)
    results: Mapped[dict[str, Any]]
    place: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    """Where it goes on."""
    error: Mapped[str]
    """Why it ended, where that was not of its own accord."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
