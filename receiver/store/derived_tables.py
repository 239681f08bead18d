"""Tables that follow from the ledger: what changed, how many there are, and what has left it.

`changes` and `deltas` are written by triggers on the ledger's tables (migration 0005), within the
transaction that changes it, so that no way of writing can forget them. Rollups are deltas folded.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Identity, Index, SmallInteger, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from receiver.store.tables import FALSE, Base


class ChangeRow(Base):
    """Rows of one kind that one statement wrote or deleted; the feed shows what they are now.

    Deliveries are known by `seqs`, messages and events by their `day` and `ids`.
    """

    __tablename__ = "changes"
    __table_args__ = (Index("changes_deleted", "written_at", postgresql_where=text("deleted")),)

    domain: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, server_default=text("pg_current_xact_id()::text::bigint")
    )
    n: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    kind: Mapped[str]
    cause: Mapped[str] = mapped_column(server_default="new")
    deleted: Mapped[bool] = mapped_column(server_default=FALSE)
    point_id: Mapped[UUID | None]
    """Of what is deleted; of everything else it is found with it."""
    day: Mapped[date | None]
    seqs: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))


class FeedRow(Base):
    """The one row that says which cursors are good."""

    __tablename__ = "feed"

    generation: Mapped[UUID] = mapped_column(primary_key=True)
    floor: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Deletions of transactions before this one are forgotten."""


class DeltaRow(Base):
    """`n` more things of one kind: sends in a state, or deliveries with a status."""

    __tablename__ = "deltas"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    domain: Mapped[str]
    point_id: Mapped[UUID | None]
    minute: Mapped[datetime]
    channel: Mapped[str]
    sender: Mapped[str]
    tag: Mapped[str]
    state: Mapped[str | None]
    """Of sends; deliveries have a rank instead."""
    rank: Mapped[int | None] = mapped_column(SmallInteger)
    code: Mapped[str] = mapped_column(server_default="")
    carrier: Mapped[str] = mapped_column(server_default="")
    conflict: Mapped[bool] = mapped_column(server_default=FALSE)
    overdue: Mapped[bool] = mapped_column(server_default=FALSE)
    latency: Mapped[int | None] = mapped_column(SmallInteger)
    n: Mapped[int] = mapped_column(BigInteger)


class RollupRow(Base):
    """How many there were in one minute, hour or day.

    `told` says which dimensions are told apart; the others hold what stands for nothing.
    """

    __tablename__ = "rollups"

    domain: Mapped[str] = mapped_column(primary_key=True)
    grain: Mapped[str] = mapped_column(primary_key=True)
    told: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    point_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    carrier: Mapped[str] = mapped_column(primary_key=True)
    sends: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    unconfirmed: Mapped[int] = mapped_column(BigInteger)
    orphans: Mapped[int] = mapped_column(BigInteger)
    deliveries: Mapped[int] = mapped_column(BigInteger)
    pending: Mapped[int] = mapped_column(BigInteger)
    overdue: Mapped[int] = mapped_column(BigInteger)
    success: Mapped[int] = mapped_column(BigInteger)
    failure: Mapped[int] = mapped_column(BigInteger)
    complaint: Mapped[int] = mapped_column(BigInteger)
    conflict: Mapped[int] = mapped_column(BigInteger)
    negative: Mapped[int] = mapped_column(BigInteger)
    latencies: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class PastFamilyRow(Base):
    """A family that left the ledger when its time was over: no receipt alone brings it back."""

    __tablename__ = "past_families"
    __table_args__ = (Index("past_families_until", "until"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the send of its base: it follows from domain and transid, and tells neither."""
    until: Mapped[date]
    """The last day on which it is remembered."""


class KeptFromRow(Base):
    """The day from which on everything of one kind is there; of what none has gone, no row."""

    __tablename__ = "kept_from"

    what: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date]
