"""Lists, read page by page as far as they are wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar, Unpack

from receiver.client.filters import (
    DeliveryFilters,
    EventFilters,
    MessageFilters,
    ReceiptFilters,
    renamed,
)
from receiver.client.results import DeliveryItem, Message, Page, Receipt
from receiver.client.transport import PREFIX, Call, Transport

T = TypeVar("T")


def items(transport: Transport, call: Call, page: type[Page[T]]) -> Iterator[T]:
    """Yield the items of a list, asking for each page when the one before it is used up.

    A call with a body has the cursor there, as it has its filters.
    """
    while True:
        answer = transport.ask(call, page)
        yield from answer.items
        if answer.next is None:
            return
        call = _following(call, answer.next)


def _following(call: Call, cursor: str) -> Call:
    if call.body is None:
        return replace(call, query={**call.query, "cursor": cursor})
    return replace(call, body={**call.body, "cursor": cursor})


def listed(noun: str, filters: Mapping[str, Any]) -> Call:
    """Return the call that asks for a list."""
    return Call(path=f"{PREFIX}/{noun}", query=filters)


class Deliveries:
    """What became of sends at their destinations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, **filters: Unpack[DeliveryFilters]) -> Iterator[DeliveryItem]:
        """Yield deliveries, the newest first. Raises: ClientError."""
        return items(self._transport, listed("deliveries", filters), Page[DeliveryItem])


class Messages:
    """What customers wrote."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, **filters: Unpack[MessageFilters]) -> Iterator[Message]:
        """Yield messages, the newest first. Raises: ClientError."""
        return items(self._transport, listed("messages", renamed(filters)), Page[Message])


class Receipts:
    """What the platform reported of sends, as it came."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, **filters: Unpack[ReceiptFilters]) -> Iterator[Receipt]:
        """Yield receipts, the newest first. Raises: ClientError."""
        return items(self._transport, listed("receipts", filters), Page[Receipt])


class Events:
    """What else the platform reported: events and calls."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, **filters: Unpack[EventFilters]) -> Iterator[Message]:
        """Yield events and calls, the newest first. Raises: ClientError."""
        return items(self._transport, listed("events", renamed(filters)), Page[Message])
