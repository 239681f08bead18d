"""What lists are narrowed by: one value each, or several, of which any fits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict

Words = str | Sequence[str]

#: Ours to the API's, where the API's is no name in Python, or of a party to a message.
RENAMED: Final[Mapping[str, str]] = {"sender": "from", "recipient": "to"}


class Span(TypedDict, total=False):
    """What every list takes; `limit` is how many items travel at once, 1 to 1000."""

    since: datetime
    until: datetime
    limit: int


class Outbound(Span, total=False):
    """What sends and deliveries are sought by."""

    transid: Words
    correlationid: Words
    destination: Words
    channel: Words
    sender: Words
    tag: Words
    point: Words
    recorded: bool


class SendFilters(Outbound, total=False):
    """What sends are sought by."""

    state: Words


class DeliveryFilters(Outbound, total=False):
    """What deliveries are sought by."""

    status: Words
    outcome: Words
    code: Words
    carrier: Words
    conflict: bool
    overdue: bool


class ArrivalFilters(Span, total=False):
    """What everything that arrived is sought by; `raw` needs the scope `admin`."""

    channel: Words
    point: Words
    raw: bool


class MessageFilters(ArrivalFilters, total=False):
    """What messages are sought by."""

    tid: Words
    sender: Words
    recipient: Words
    name: Words


class EventFilters(MessageFilters, total=False):
    """What events and calls are sought by."""

    kind: Words
    transid: Words
    correlationid: Words


class ReceiptFilters(ArrivalFilters, total=False):
    """What receipts are sought by."""

    transid: Words
    destination: Words
    status: Words
    raw_status: Words
    code: Words
    correlationid: Words


class ConversationFilters(Span, total=False):
    """What a conversation is narrowed by."""


class StatsQuery(TypedDict, total=False):
    """What is counted: `bucket` minute, hour or day; `compare` 1d or 7d."""

    since: datetime
    until: datetime
    bucket: str
    by: Words
    compare: str


class ChangeFilters(TypedDict, total=False):
    """Which changes are told."""

    kind: Words
    point: Words
    tag: Words


class Recipient(TypedDict, total=False):
    """A destination with its type."""

    value: str
    type: str
    correlationid: str


class SendFields(TypedDict, total=False):
    """What can be told of a send. `transid`, or `destinations` where there is none yet."""

    transid: str
    correlationid: str
    channel: str
    sender: str
    destinations: Sequence[str | Recipient]
    text: str
    callback_data: str
    requested_at: datetime
    expires_at: datetime
    tag: str
    metadata: Mapping[str, Any]


def renamed(filters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return filters by the names that the API has for the parties to a message."""
    return {RENAMED.get(name, name): value for name, value in filters.items()}
