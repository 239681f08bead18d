"""The sandbox's own book: what it answered, what it sent, and what of that was taken.

It lies in memory, since the plans that it tells of do too: both end with the process. It is
bounded, so a long run stays flat: the oldest entries go, and the counts go on.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from msgspec import Struct, field

MOST_ENTRIES: Final = 100_000


class Kind(StrEnum):
    """What an entry tells of: a request and its answer, or what was sent to a notify URL."""

    REQUEST = "request"
    RECEIPT = "receipt"
    MESSAGE = "message"
    EVENT = "event"
    PROFILE = "profile"
    CHECK = "check"
    """The HEAD that a notify URL gets when it is first met."""


class Outcome(StrEnum):
    """What became of it."""

    ACCEPTED = "accepted"
    """A request: queued."""
    REFUSED = "refused"
    """A request: answered with another code; or a check: not answered 200."""
    WAITING = "waiting"
    """A notification whose time or whose next attempt is to come."""
    TAKEN = "taken"
    """A notification or a check: answered 200."""
    ENDED = "ended"
    """A notification: answered with a status after which there is no other attempt."""
    GIVEN_UP = "given_up"
    """A notification: three more attempts were in vain too."""


class Entry(Struct, kw_only=True):
    """One line of the book. All times are UTC."""

    kind: Kind
    outcome: Outcome
    transid: str = ""
    correlationid: str = ""
    destination: str = ""
    """Of a message: who it is from."""
    status: str = ""
    """As the receipt spells it."""
    code: str = ""
    sha256: str = ""
    """Of the body that was sent."""
    fault: str = ""
    attempts: list[int] = field(default_factory=list)
    """What each attempt was answered; 0 where no answer came."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None


class Book:
    """Keeps the newest entries, numbered from 1 on, and counts all of them."""

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self.written = 0  # how many entries there were, and so the number of the newest
        self._counts: Counter[tuple[Kind, Outcome]] = Counter()

    @property
    def forgotten(self) -> int:
        """Return how many of the oldest entries are no longer there."""
        return self.written - len(self._entries)

    def write(self, entry: Entry) -> None:
        """Take an entry."""
        self.written += 1
        self._entries.append(entry)
        self._counts[entry.kind, entry.outcome] += 1

    def end(self, entry: Entry, outcome: Outcome) -> None:
        """Say what became of an entry that waits."""
        self._counts[entry.kind, entry.outcome] -= 1
        entry.outcome, entry.ended_at = outcome, datetime.now(UTC)
        self._counts[entry.kind, entry.outcome] += 1

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return by kind and outcome how many there were since the start."""
        return {
            kind.value: {
                outcome.value: self._counts[kind, outcome]
                for outcome in Outcome
                if self._counts[kind, outcome]
            }
            for kind in Kind
        }

    def page(
        self, *, after: int, limit: int, sought: Mapping[str, Any]
    ) -> tuple[Sequence[tuple[int, Entry]], int | None]:
        """Return entries past a number, the oldest first, and where the next page begins.

        `sought` maps names of fields to what they must be.
        """
        found: list[tuple[int, Entry]] = []
        for number, entry in self._numbered(after):
            if len(found) == limit:
                return found, found[-1][0]
            if all(getattr(entry, name) == value for name, value in sought.items()):
                found.append((number, entry))
        return found, None

    def _numbered(self, after: int) -> Iterator[tuple[int, Entry]]:
        start = max(after - self.forgotten, 0)
        return enumerate(islice(self._entries, start, None), self.forgotten + start + 1)
