"""Questions to the platform about a send that is overdue: what can come of one, and when to ask.

Source: CONTRACT.md 5 (which spellings of a transid it knows is not documented).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from receiver.domain.identity import transid_of


class Finding(StrEnum):
    """What came of a question."""

    OPEN = "open"
    """Asked, and nothing is noted of an answer: we ended meanwhile."""
    TOLD = "told"
    """There was a status, and it is a receipt now."""
    NOTHING = "nothing"
    """An answer that says nothing of this send."""
    UNKNOWN = "unknown"
    """The platform knows no such transid, or takes it for none."""
    REFUSED = "refused"
    """It doesn't take our key or our address."""
    BUSY = "busy"
    FAILED = "failed"
    """Any other HTTP status, redirects among them."""
    UNREADABLE = "unreadable"
    UNREACHABLE = "unreachable"
    """No answer, or none in time."""


#: After these the platform would say the same of any other send: it is left alone for a while.
TROUBLE: Final = frozenset(
    {Finding.REFUSED, Finding.BUSY, Finding.FAILED, Finding.UNREADABLE, Finding.UNREACHABLE}
)
#: Between two questions; past them a send is left.
PAUSES: Final = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
#: After these the other spelling may do better.
_OTHERWISE: Final = frozenset({Finding.UNKNOWN, Finding.NOTHING})


class Question(Struct, frozen=True, kw_only=True):
    """One that was asked."""

    asked_as: str
    asked_at: datetime
    finding: Finding


def spellings(transid: str) -> Sequence[str]:
    """Return the names under which the platform may know a send, ours first."""
    zero = f"{transid}_0"
    return (transid, zero) if transid_of(zero) == transid else (transid,)


def next_question(transid: str, past: Sequence[Question]) -> tuple[str, datetime | None] | None:
    """Return what to ask for and when it is due, None for at once; None where it has been enough.

    `past` is in the order of asking. Where one spelling is unknown the other is asked for at once,
    and one that was told of is asked for ever after.
    """
    names = spellings(transid)
    if not past:
        return names[0], None
    times = Counter(question.asked_as for question in past)
    last = past[-1]
    known = next((each.asked_as for each in past if each.finding is Finding.TOLD), None)
    if known is None and last.finding in _OTHERWISE:
        for name in names:
            if times[name] < times[last.asked_as]:
                return name, None
    rounds = max(times.values())
    if rounds > len(PAUSES):
        return None
    return known or names[0], last.asked_at + PAUSES[rounds - 1]
