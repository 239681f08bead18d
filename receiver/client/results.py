"""What Receiver answers, as frozen structs. Tests hold them against the shapes of its API.

Times are aware datetimes in UTC. What is one of a few words (`status`, `outcome`, `state`, ...) is
a text, so that a word of a newer Receiver breaks no application; nor does a field that is new.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list; `next` is the cursor of what follows, None at the end."""

    items: Sequence[T]
    next: str | None = None


class Point(Struct, frozen=True, kw_only=True):
    """An integration point."""

    id: str
    code: str | None


class Summary(Struct, frozen=True, kw_only=True):
    """How many deliveries there are, by outcome."""

    deliveries: int
    pending: int
    success: int
    failure: int
    complaint: int


class SendItem(Struct, frozen=True, kw_only=True):
    """A send as lists show it. `recorded` is false where only receipts are known."""

    id: str
    transid: str | None
    correlationid: str
    point: Point | None
    channel: str
    sender: str
    tag: str
    state: str
    recorded: bool
    requested_at: datetime | None
    accepted_at: datetime | None
    summary: Summary


class Answer(Struct, frozen=True, kw_only=True):
    """What the platform said to a request."""

    http: int | None
    code: str
    description: str
    at: datetime | None


class Delivery(Struct, frozen=True, kw_only=True):
    """What became of a send at one destination."""

    destination: str
    destination_type: str
    correlationid: str
    status: str
    outcome: str
    raw_status: str
    also: str | None
    code: str
    code_text: str | None
    description: str
    additional_info: str
    carrier: str | None
    segments: int | None
    provider_at: datetime | None
    provider_at_raw: str
    zone_assumed: bool
    first_receipt_at: datetime | None
    status_at: datetime | None
    latency_ms: int | None
    overdue: bool
    conflict: bool


class DeliveryItem(Delivery, frozen=True, kw_only=True):
    """A delivery as lists and the change feed show it: with its send."""

    id: str
    send_id: str
    transid: str | None
    point: Point | None
    channel: str
    sender: str
    tag: str
    recorded: bool
    requested_at: datetime | None
    known_at: datetime


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a timeline."""

    id: str
    kind: str
    source: str
    accepted_at: datetime
    provider_at: datetime | None
    destination: str | None
    status: str | None
    raw_status: str | None
    code: str | None
    description: str | None
    decisive: bool


class Reply(Struct, frozen=True, kw_only=True):
    """A customer's answer to a send: how it was found, and how sure that is, 0 to 1."""

    tid: str
    accepted_at: datetime
    sender: str = field(name="from")
    text: str
    method: str
    confidence: float


class Question(Struct, frozen=True, kw_only=True):
    """A question to the platform about an overdue send, by which name, and what came of it."""

    asked_at: datetime
    asked_as: str
    finding: str
    http: int | None
    code: str


class More(Struct, frozen=True, kw_only=True):
    """Where the next page of a part of a send is."""

    deliveries: str | None
    timeline: str | None


class Send(SendItem, frozen=True, kw_only=True):
    """A send, and what became of it; deliveries and timeline are the first hundred."""

    aliases: Sequence[str]
    text: str
    callback_data: str
    metadata: Mapping[str, Any]
    answer: Answer | None
    expires_at: datetime | None
    notify_url: str
    reports_elsewhere: bool
    deliveries: Sequence[Delivery]
    timeline: Sequence[Entry]
    replies: Sequence[Reply]
    questions: Sequence[Question]
    more: More


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of one recorded send: 201 new, 200 known, 400 with `errors` by field.

    `differs` names the fields that contradict what is recorded. An exchange that stands for
    several sends has what became of each in `results`.
    """

    status: int
    id: str | None
    transid: str | None
    errors: Mapping[str, Sequence[str]]
    differs: Sequence[str]
    results: "Sequence[Recorded]" = ()


class RecordedMany(Struct, frozen=True, kw_only=True):
    """What became of each of many."""

    results: Sequence[Recorded]


class Found(Struct, frozen=True, kw_only=True):
    """For each transid that was looked up, in their order, its send; None where none is known."""

    items: Sequence[SendItem | None]


class Arrival(Struct, frozen=True, kw_only=True):
    """What the platform posted. `raw` is its body as it came, where that was asked for."""

    id: str
    accepted_at: datetime
    provider_at: datetime | None
    provider_at_raw: str
    zone_assumed: bool
    point: Point | None
    channel: str
    correlationid: str
    raw: str | None = None
    raw_encoding: str | None = None


class Message(Arrival, frozen=True, kw_only=True):
    """What a customer wrote; or an event, a call or a result of profiles, as `kind` says."""

    tid: str
    kind: str
    name: str
    sender: str = field(name="from")
    recipient: str = field(name="to")
    text: str
    subject: str
    attachments: Sequence[Any]
    details: Mapping[str, Any]
    quoted: str
    transid: str | None


class Receipt(Arrival, frozen=True, kw_only=True):
    """A delivery-status notification as it came."""

    transid: str
    alias: str | None
    source: str
    destination: str
    destination_type: str
    status: str
    outcome: str
    raw_status: str
    code: str
    code_text: str | None
    description: str
    additional_info: str
    carrier: str | None
    segments: int | None
    callback_data: str


class Utterance(Struct, frozen=True, kw_only=True):
    """What was sent to somebody (`direction` out), or what came from them (in)."""

    direction: str
    at: datetime
    accepted_at: datetime
    sender: str = field(name="from")
    recipient: str = field(name="to")
    point: Point | None
    channel: str
    text: str
    correlationid: str
    send_id: str | None
    transid: str | None
    tid: str | None
    status: str | None
    outcome: str | None


class TimeToDelivery(Struct, frozen=True, kw_only=True):
    """Percentiles of the milliseconds from request to delivery, over `n` deliveries.

    Those that were there before they were asked for are `negative`, and not among them.
    """

    n: int
    negative: int
    p50: int | None
    p90: int | None
    p99: int | None


class Compared(Struct, frozen=True, kw_only=True):
    """Counts; of sends there is none where deliveries are told apart by what became of them."""

    sends: int | None
    refused: int | None
    unconfirmed: int | None
    orphans: int | None
    deliveries: int
    pending: int
    overdue: int
    success: int
    failure: int
    complaint: int
    conflict: int
    ttd_ms: TimeToDelivery


class Counts(Compared, frozen=True, kw_only=True):
    """One row of statistics; of the dimensions only those asked for are there."""

    at: datetime
    status: str | None = None
    outcome: str | None = None
    code: str | None = None
    channel: str | None = None
    sender: str | None = None
    tag: str | None = None
    carrier: str | None = None
    point: Point | None = None
    compared: Compared | None


class Stats(Struct, frozen=True, kw_only=True):
    """Counts by time and dimension: what time they cover, and by which clock."""

    since: datetime
    until: datetime
    bucket: str
    by: Sequence[str]
    clock: str
    percentile_error: float
    ledger_since: datetime | None
    """Before it only the counts are left, if not None."""
    items: Sequence[Counts]


class Deletion(Struct, frozen=True, kw_only=True):
    """What was deleted: a delivery, message or event of this id."""

    kind: str
    id: str


class Change(Struct, frozen=True, kw_only=True):
    """Something in its present state, once it has changed.

    `data` is what `kind` says: a DeliveryItem, a Message (of messages, events and calls), a
    Deletion; of a kind that is new, the JSON object as it came. Store `cursor` once the change is
    dealt with: reading goes on behind it.
    """

    cursor: str
    committed_at: datetime
    kind: str
    cause: str
    data: DeliveryItem | Message | Deletion | Mapping[str, Any]
