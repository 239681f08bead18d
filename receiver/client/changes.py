"""The change feed: everything that changes, as it does, for ever."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Raw, Struct

from receiver.client.results import Change, Deletion, DeliveryItem, Message
from receiver.client.transport import PREFIX, Call, Transport, read

#: What the data of a change are, by its kind.
KINDS: Final[Mapping[str, type[DeliveryItem | Message | Deletion]]] = {
    "delivery": DeliveryItem,
    "message": Message,
    "event": Message,
    "call": Message,
    "deletion": Deletion,
}
#: Between two questions of which the first was answered with nothing: Receiver may have too many
#: that wait, and then answers at once.
_PAUSE_SECONDS: Final = 1.0


class _Told(Struct, frozen=True, kw_only=True):
    """A change whose data are yet to be read."""

    cursor: str
    committed_at: datetime
    kind: str
    cause: str
    data: Raw


class _Page(Struct, frozen=True, kw_only=True):
    """Some changes, and where to go on."""

    items: Sequence[_Told]
    next: str


def follow(
    transport: Transport, *, after: str, wait_seconds: int, filters: Mapping[str, Any]
) -> Iterator[Change]:
    """Yield changes for ever, waiting for new ones."""
    while True:
        asked = time.monotonic()
        query = {"after": after, "wait": wait_seconds, **filters}
        call = Call(path=f"{PREFIX}/changes", query=query, wait_seconds=wait_seconds)
        page = transport.ask(call, _Page)
        yield from map(_change, page.items)
        after = page.next
        if not page.items:
            transport.sleep(max(0.0, asked + _PAUSE_SECONDS - time.monotonic()))


def _change(told: _Told) -> Change:
    expected: Any = KINDS.get(told.kind, dict)
    return Change(
        cursor=told.cursor,
        committed_at=told.committed_at,
        kind=told.kind,
        cause=told.cause,
        data=read(bytes(told.data), expected),
    )
