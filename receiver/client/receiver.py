"""One Receiver, as an application sees it."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Self, Unpack

from receiver.client.changes import follow
from receiver.client.filters import ChangeFilters, ConversationFilters, StatsQuery
from receiver.client.lists import Deliveries, Events, Messages, Receipts, items
from receiver.client.results import Change, Page, Stats, Utterance
from receiver.client.sends import Sends
from receiver.client.transport import PREFIX, Call, Patience, Transport

_PATIENT: Final = Patience()


class Receiver:
    """Asks one Receiver, with one key. Threads may share it.

    Every call can raise a ClientError: see `receiver.client.errors`.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: Patience = _PATIENT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take a URL like `https://receiver.example`; `sleep` pauses between attempts.

        Raises: ValueError.
        """
        transport = Transport(base_url, key, patience, sleep=sleep)
        self._transport = transport
        self.sends = Sends(transport)
        self.deliveries = Deliveries(transport)
        self.messages = Messages(transport)
        self.receipts = Receipts(transport)
        self.events = Events(transport)

    def __repr__(self) -> str:
        return f"Receiver({self._transport.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def conversations(
        self, number: str, *, ours: str = "", **filters: Unpack[ConversationFilters]
    ) -> Iterator[Utterance]:
        """Yield what was sent to a number and what came from it, the newest first.

        The number can be spelled in any way; `ours` narrows it to one of our senders.
        """
        body: dict[str, Any] = {"number": number, **filters}
        if ours:
            body["with"] = ours
        call = Call(method="POST", path=f"{PREFIX}/conversations", body=body)
        return items(self._transport, call, Page[Utterance])

    def stats(self, **query: Unpack[StatsQuery]) -> Stats:
        """Return counts and percentiles; without a span, the last 24 hours by the hour."""
        return self._transport.ask(Call(path=f"{PREFIX}/stats", query=query), Stats)

    def changes(
        self, *, after: str = "start", wait: int = 20, **filters: Unpack[ChangeFilters]
    ) -> Iterator[Change]:
        """Yield changes for ever, each in its present state, at least once after its last change.

        Begin at `start`, at `now`, or behind the `cursor` of the change dealt with last. Each
        question waits up to `wait` seconds (25 at most) for something new.

        Raises: ExpiredCursorError, which says how to be whole again; other ClientErrors, after
        which reading can go on behind the last cursor.
        """
        return follow(self._transport, after=after, wait_seconds=wait, filters=filters)
