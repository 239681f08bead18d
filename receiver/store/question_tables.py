"""The tables of what we asked the platform, where it did not tell by itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from receiver.store.tables import Base


class QuestionRow(Base):
    """One question about one send, and what came of it. Kept as long as its send."""

    __tablename__ = "questions"
    __table_args__ = (Index("questions_send_seq", "send_seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    send_seq: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[datetime]
    asked_as: Mapped[str]
    """The transid as it was spelled."""
    finding: Mapped[str]
    http: Mapped[int | None]
    code: Mapped[str] = mapped_column(server_default="")
    """The platform's own, where it gave one instead of an answer."""


class QuestionCountRow(Base):
    """How many questions ever came to one finding: for a counter that never falls."""

    __tablename__ = "question_counts"

    finding: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
