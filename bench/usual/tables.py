"""Receipts and deliveries as mapped classes."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Text without limits, times with zones."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
    }


class ReceiptRow(Base):
    """One receipt, with its raw body."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("transid", "digest"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(index=True)
    digest: Mapped[bytes]
    raw: Mapped[bytes]
    transid: Mapped[str]
    destination: Mapped[str]
    destination_type: Mapped[str]
    channel: Mapped[str]
    status: Mapped[str]
    code: Mapped[str]
    description: Mapped[str]
    additional_info: Mapped[str]
    carrier: Mapped[str]
    segments: Mapped[int | None] = mapped_column(SmallInteger)
    correlationid: Mapped[str]
    callback_data: Mapped[str]
    provider_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """What became of one send to one destination."""

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("transid", "destination"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    transid: Mapped[str]
    destination: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str]
    code: Mapped[str]
    description: Mapped[str]
    provider_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
