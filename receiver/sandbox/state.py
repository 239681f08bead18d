"""All that one sandbox is: its book, what it remembers, and who calls for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from receiver.platform.keys import fold
from receiver.sandbox.answers import Entry
from receiver.sandbox.book import Book, Kind, Outcome
from receiver.sandbox.book import Entry as Line
from receiver.sandbox.memory import Memory
from receiver.sandbox.posting import Poster
from receiver.sandbox.transactions import ProfileRequest, Transaction

#: What callers show in the header `key`: the one for messages and events, the other for profiles.
SERVICE_KEY: Final = "sandbox-service-key"
PROFILE_KEY: Final = "sandbox-profile-key"


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """One stand-in for the platform, with one service."""

    book: Book
    poster: Poster
    notify_url: str = field(default="", repr=False)
    """The service's own, where a request names none; empty: then nobody is notified."""
    transactions: Memory[Transaction] = field(default_factory=Memory)
    profiles: Memory[ProfileRequest] = field(default_factory=Memory)

    def url_of(self, request: Mapping[str, Any]) -> str:
        """Return where what a request brings about is told."""
        return str(fold(request).get("notifyurl") or self.notify_url)

    def note(self, answer: Entry, *, accepted: bool) -> None:
        """Write into the book what a request was answered."""
        line = Line(
            kind=Kind.REQUEST,
            outcome=Outcome.ACCEPTED if accepted else Outcome.REFUSED,
            transid=answer["transid"],
            correlationid=answer.get("correlationid", ""),
            code=answer["code"],
        )
        self.book.write(line)
