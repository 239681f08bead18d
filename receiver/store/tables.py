"""The tables. The four that facts stream into are partitioned by the UTC day they were accepted.

Keys begin with what is selective, not with the domain: on a table that grows faster than its
statistics the planner would take the domain for enough.

Text is collated "C": keys compare as bytes, as they do in Python, on any server.
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Computed,
    Date,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    Uuid,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Words = Text(collation="C")
FALSE = text("false")
NOW = text("now()")
Instant = DateTime(timezone=True)
#: Written by Postgres when a row is new, and by nobody afterwards.
STAMPED = ("known_at",)
#: Written by the sweeper; a fact can only take it away.
MARKED = ("overdue",)
#: Of a send that a spool brought, say: it was accepted long before the ledger learnt of it.
LATE = text("known_at - accepted_at > '00:01:00'::interval")


class Base(DeclarativeBase):
    """Every column has a type by its annotation; every text is collated "C"."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Words,
        datetime: Instant,
        date: Date,
        bytes: LargeBinary,
        UUID: Uuid,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Words),
        list[UUID]: ARRAY(Uuid),
    }


def table_of(row: type[Base]) -> Table:
    """Return the table behind a mapped class."""
    table = row.__table__
    assert isinstance(table, Table)
    return table


def text_by_day(statement: str) -> TextClause:
    """Return a query whose :days, or :first and :last, are written out wherever it runs.

    So no plan of it, not even one that Postgres keeps for any parameters, has other partitions.
    """
    names = [name for name in ("days", "first", "last") if f":{name}" in statement]
    return text(statement).bindparams(
        *(bindparam(n, type_=Date, literal_execute=True, expanding=n == "days") for n in names)
    )


def _given(recorded: str, reported: str) -> Computed:
    return Computed(
        f"CASE WHEN {recorded} <> '' THEN {recorded} ELSE {reported} END", persisted=True
    )


class SendRow(Base):
    """One send, folded. The row of a base uuid is also the lock of its family."""

    __tablename__ = "sends"
    __table_args__ = (
        UniqueConstraint("id", name="sends_id"),  # it follows from domain and transid
        Index("sends_further", "base", "domain", postgresql_where=text("base <> transid")),
        Index("sends_newest", "domain", "seq", postgresql_where=text("recorded OR reported")),
        Index(
            "sends_correlationid",
            "correlationid",
            "domain",
            "seq",
            postgresql_where=text("correlationid <> ''"),
        ),
        Index("sends_tag", "domain", "tag", "seq", postgresql_where=text("tag <> ''")),
        Index("sends_accepted_at", "accepted_at", postgresql_using="brin"),
        Index("sends_late", "accepted_at", "seq", postgresql_where=LATE),
        {"postgresql_with": {"fillfactor": 85}},
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[UUID]
    domain: Mapped[str]
    transid: Mapped[str]
    base: Mapped[str]
    family_recorded: Mapped[bool] = mapped_column(server_default=FALSE)
    reported: Mapped[bool]
    aliases: Mapped[list[str]]
    reported_point_id: Mapped[UUID | None]
    reported_channel: Mapped[str]
    reported_correlationid: Mapped[str]
    reported_callback_data: Mapped[str]
    reported_at: Mapped[datetime | None]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    recorded: Mapped[bool] = mapped_column(server_default=FALSE)
    settled: Mapped[bool] = mapped_column(server_default=FALSE)
    recorded_point_id: Mapped[UUID | None]
    recorded_channel: Mapped[str] = mapped_column(server_default="")
    recorded_correlationid: Mapped[str] = mapped_column(server_default="")
    recorded_callback_data: Mapped[str] = mapped_column(server_default="")
    registration: Mapped[UUID | None]
    sender: Mapped[str] = mapped_column(server_default="")
    sender_key: Mapped[str] = mapped_column(server_default="")
    tag: Mapped[str] = mapped_column(server_default="")
    text: Mapped[str] = mapped_column(server_default="")
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    state: Mapped[str] = mapped_column(server_default="unrecorded")
    answer_http: Mapped[int | None]
    answer_code: Mapped[str] = mapped_column(server_default="")
    answer_description: Mapped[str] = mapped_column(server_default="")
    answer_at: Mapped[datetime | None]
    requested_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    notify_url: Mapped[str] = mapped_column(server_default="")
    reports_elsewhere: Mapped[bool] = mapped_column(server_default=FALSE)
    recorded_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None] = mapped_column(
        Instant, Computed("least(recorded_at, reported_at)", persisted=True)
    )
    point_id: Mapped[UUID | None] = mapped_column(
        Uuid, Computed("coalesce(recorded_point_id, reported_point_id)", persisted=True)
    )
    channel: Mapped[str] = mapped_column(Words, _given("recorded_channel", "reported_channel"))
    correlationid: Mapped[str] = mapped_column(
        Words, _given("recorded_correlationid", "reported_correlationid")
    )
    callback_data: Mapped[str] = mapped_column(
        Words, _given("recorded_callback_data", "reported_callback_data")
    )
    known_at: Mapped[datetime] = mapped_column(server_default=NOW)
    """When the ledger learnt of it. Never changes, and rises with `seq`, but for some seconds."""


class RecordingRow(Base):
    """A send as somebody recorded it: a fact. `body` holds its fields."""

    __tablename__ = "recordings"
    __table_args__ = (
        Index(
            "recordings_registration",
            "registration",
            postgresql_where=text("registration IS NOT NULL"),
        ),
    )

    domain: Mapped[str] = mapped_column(primary_key=True)
    transid: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    accepted_at: Mapped[datetime]
    point_id: Mapped[UUID | None]
    source: Mapped[str]
    registration: Mapped[UUID | None]
    body: Mapped[dict[str, Any]]
    raw: Mapped[bytes]


class DeliveryRow(Base):
    """One send to one destination, folded."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("send_seq", "destination_key", name="deliveries_send_destination"),
        Index("deliveries_destination", "destination_key", "seq"),
        Index(
            "deliveries_correlationid",
            "correlationid",
            "domain",
            postgresql_where=text("correlationid <> ''"),
        ),
        Index("deliveries_overdue", "domain", "seq", postgresql_where=text("overdue")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    domain: Mapped[str]
    transid: Mapped[str]
    destination_key: Mapped[str]
    destination: Mapped[str]
    destination_type: Mapped[str]
    recorded: Mapped[bool]
    reported: Mapped[bool]
    rank: Mapped[int] = mapped_column(SmallInteger)
    raw_status: Mapped[str]
    code: Mapped[str]
    description: Mapped[str]
    additional_info: Mapped[str]
    provider_at: Mapped[datetime | None]
    provider_at_raw: Mapped[str]
    zone_assumed: Mapped[bool]
    reconciled: Mapped[bool] = mapped_column(server_default=FALSE)
    decided_digest: Mapped[bytes]
    decided_at: Mapped[datetime]
    also: Mapped[str]
    also_at: Mapped[datetime | None]
    also_digest: Mapped[bytes]
    reached: Mapped[bool]
    missed: Mapped[bool]
    carrier: Mapped[str]
    segments: Mapped[int | None] = mapped_column(SmallInteger)
    correlationid: Mapped[str]
    first_receipt_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    overdue: Mapped[bool] = mapped_column(server_default=FALSE)
    """Announced as late, and still pending; no fact says so, the sweeper does."""
    known_at: Mapped[datetime] = mapped_column(server_default=NOW)
    """As that of a send."""
    send_seq: Mapped[int] = mapped_column(BigInteger)
    """The `seq` of its send. New ones are at the end of its index, whatever the transid."""


class Arrived(Base):
    """What every fact of a hook is stamped with, and its raw body."""

    __abstract__ = True

    day: Mapped[date] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True, sort_order=-1)
    accepted_at: Mapped[datetime]
    id: Mapped[UUID]
    domain: Mapped[str]
    point_id: Mapped[UUID | None]
    source: Mapped[str]
    raw: Mapped[bytes]


def _by_day(name: str, *more: Index) -> tuple[Any, ...]:
    return (
        Index(f"{name}_accepted_at", "accepted_at", postgresql_using="brin"),
        *more,
        {"postgresql_partition_by": "RANGE (day)"},
    )


class ReceiptRow(Arrived):
    """One delivery-status notification. Its key serves look-up by transid and dedup."""

    __tablename__ = "receipts"
    __table_args__ = _by_day("receipts")

    transid: Mapped[str] = mapped_column(primary_key=True, sort_order=-2)
    alias: Mapped[str]
    destination: Mapped[str]
    destination_type: Mapped[str]
    channel: Mapped[str]
    raw_status: Mapped[str]
    code: Mapped[str]
    description: Mapped[str]
    additional_info: Mapped[str]
    carrier: Mapped[str]
    segments: Mapped[int | None] = mapped_column(SmallInteger)
    correlationid: Mapped[str]
    callback_data: Mapped[str]
    provider_at: Mapped[datetime | None]
    provider_at_raw: Mapped[str]
    zone_assumed: Mapped[bool]


class NoticeColumns(Arrived):
    """What messages and events have in common. The key serves conversations and dedup."""

    __abstract__ = True

    sender_key: Mapped[str] = mapped_column(primary_key=True, sort_order=-2)
    kind: Mapped[str]
    name: Mapped[str]
    tid: Mapped[str]
    channel: Mapped[str]
    sender: Mapped[str]
    recipient: Mapped[str]
    recipient_key: Mapped[str]
    text: Mapped[str]
    subject: Mapped[str]
    attachments: Mapped[list[Any]]
    details: Mapped[dict[str, Any]]
    transid: Mapped[str]
    correlationid: Mapped[str]
    quoted: Mapped[str]
    provider_at: Mapped[datetime | None]
    provider_at_raw: Mapped[str]
    zone_assumed: Mapped[bool]


class MessageRow(NoticeColumns):
    """One inbound message."""

    __tablename__ = "messages"
    __table_args__ = _by_day("messages", Index("messages_tid", "tid"), Index("messages_id", "id"))


class PlatformEventRow(NoticeColumns):
    """One event or call event."""

    __tablename__ = "platform_events"
    __table_args__ = _by_day(
        "platform_events", Index("platform_events_tid", "tid"), Index("platform_events_id", "id")
    )


class MentionRow(Base):
    """That a notice names a send, and how; place, sender_key, digest and day are its key.

    Not partitioned: who asks what names a send learns the few days that he has to look at.
    """

    __tablename__ = "mentions"

    name: Mapped[str] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)
    how: Mapped[str] = mapped_column(primary_key=True)
    """`quoted`, `transid`, or `correlationid` where it has no transid: the column it stands in."""
    sender_key: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    """The table of the notice."""


class QuarantineRow(Arrived):
    """What was admitted and could not be understood."""

    __tablename__ = "quarantine"
    __table_args__ = _by_day("quarantine")

    reason: Mapped[str]
    message: Mapped[str]
    errors: Mapped[dict[str, Any]]
    path: Mapped[str]
    headers: Mapped[dict[str, Any]]
    answered: Mapped[int]
    truncated: Mapped[bool]
    shape: Mapped[str] = mapped_column(server_default="")
    """How the body is built; empty where nobody looked."""
    sha256: Mapped[bytes | None]
    """Of the raw body; NULL in rows older than this column."""


PARTITIONED = (ReceiptRow, MessageRow, PlatformEventRow, QuarantineRow)
