"""A send as it is kept: what its receipts say of it, and what recordings say.

The receipts' part is a join (OR, min, max, union), so that an orphan has a channel and a point
too, whatever came first; what is recorded goes before it where it is given.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, field

from receiver.domain.deliveries import least, most
from receiver.domain.facts import Fact, Receipt, Send, State, id_from
from receiver.domain.identity import transid_of

#: Stands in for the transid of a send that has none yet; no platform makes such a transid.
REGISTERED_PREFIX: Final = "registered:"


class ReportedSend(Struct, frozen=True, kw_only=True):
    """What receipts say of a send.

    Without `reported` it is but the days of receipts that belong to another send of the family.
    """

    reported: bool = False
    aliases: Sequence[str] = ()
    """Other spellings of the transid in its receipts, sorted."""
    reported_point_id: UUID | None = None
    reported_channel: str = ""
    reported_correlationid: str = ""
    reported_callback_data: str = ""
    reported_at: datetime | None = None
    first_day: date | None = None
    last_day: date | None = None
    """The UTC days between which all receipts under this transid were accepted."""


class RecordedSend(Struct, frozen=True, kw_only=True):
    """What recordings say of a send, folded; blank as long as there are none."""

    recorded: bool = False
    settled: bool = False
    """Whether no reported destination can be another name of a recorded one."""
    recorded_point_id: UUID | None = None
    recorded_channel: str = ""
    recorded_correlationid: str = ""
    recorded_callback_data: str = ""
    registration: UUID | None = None
    sender: str = ""
    sender_key: str = ""
    tag: str = ""
    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: State = State.UNRECORDED
    answer_http: int | None = None
    answer_code: str = ""
    answer_description: str = ""
    answer_at: datetime | None = None
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    notify_url: str = ""
    reports_elsewhere: bool = False
    recorded_at: datetime | None = None


def stored_transid(send: Send) -> str:
    """Return the transid that a send is kept under, also while it is only registered."""
    return transid_of(send.transid) if send.transid else registered_transid(send.registration)


def registered_transid(registration: UUID | None) -> str:
    """Return what stands in for the transid of a send that is only registered."""
    return f"{REGISTERED_PREFIX}{registration}"


@lru_cache(maxsize=1024)  # a batch asks for each more than once
def send_id(domain: str, transid: str) -> UUID:
    """Return our id of a send: it follows from domain and transid, so that nobody has to ask."""
    return id_from(domain, transid)


def send_of(fact: Fact, receipt: Receipt, owner: str) -> ReportedSend:
    """Return the send `owner` as this one receipt tells it."""
    own = owner == transid_of(receipt.transid)
    day = fact.accepted_at.astimezone(UTC).date() if own else None
    return ReportedSend(
        reported=True,
        aliases=() if receipt.transid == owner else (receipt.transid,),
        reported_point_id=fact.point_id,
        reported_channel=receipt.channel,
        reported_correlationid=receipt.correlationid,
        reported_callback_data=receipt.callback_data,
        reported_at=fact.accepted_at,
        first_day=day,
        last_day=day,
    )


def days_of(fact: Fact) -> ReportedSend:
    """Return the day of a receipt that belongs to another send than its transid says."""
    day = fact.accepted_at.astimezone(UTC).date()
    return ReportedSend(first_day=day, last_day=day)


def merge_reported(one: ReportedSend, other: ReportedSend) -> ReportedSend:
    """Return what two sets of receipts say together about one send."""
    return ReportedSend(
        reported=one.reported or other.reported,
        aliases=tuple(sorted({*one.aliases, *other.aliases})),
        reported_point_id=least(one.reported_point_id, other.reported_point_id),
        reported_channel=_given(one.reported_channel, other.reported_channel),
        reported_correlationid=_given(one.reported_correlationid, other.reported_correlationid),
        reported_callback_data=_given(one.reported_callback_data, other.reported_callback_data),
        reported_at=least(one.reported_at, other.reported_at),
        first_day=least(one.first_day, other.first_day),
        last_day=most(one.last_day, other.last_day),
    )


def _given(one: str, other: str) -> str:
    return min(one, other) if one and other else one or other
