"""The status rule: the platform's spellings, folded, and the rank that decides.

Source: CONTRACT.md 2.3 (spellings), 2.6 (sequences), 9.7 to 9.10 (why rank decides).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Outcome(StrEnum):
    """What a status means for whoever sent the message."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Status:
    """One canonical status. `rank` decides between facts, at any age."""

    name: str
    rank: int
    outcome: Outcome


UNKNOWN: Final = Status("unknown", 0, Outcome.PENDING)
ACCEPTED: Final = Status("accepted", 10, Outcome.PENDING)
SUBMITTED: Final = Status("submitted", 20, Outcome.PENDING)
ENDED: Final = Status("ended", 35, Outcome.FAILURE)
FAILED: Final = Status("failed", 40, Outcome.FAILURE)
UNDELIVERED: Final = Status("undelivered", 42, Outcome.FAILURE)
DELIVERED: Final = Status("delivered", 50, Outcome.SUCCESS)
BOUNCED: Final = Status("bounced", 55, Outcome.FAILURE)
READ: Final = Status("read", 60, Outcome.SUCCESS)
CLICKED: Final = Status("clicked", 65, Outcome.SUCCESS)
COMPLAINED: Final = Status("complained", 70, Outcome.COMPLAINT)

STATUSES: Final = (
    UNKNOWN,
    ACCEPTED,
    SUBMITTED,
    ENDED,
    FAILED,
    UNDELIVERED,
    DELIVERED,
    BOUNCED,
    READ,
    CLICKED,
    COMPLAINED,
)
BY_RANK: Final[Mapping[int, Status]] = {status.rank: status for status in STATUSES}

#: Folded spelling to status, whatever the channel.
SPELLINGS: Final[Mapping[str, Status]] = {
    "queued": ACCEPTED,  # the platform's answer to the send, and its transaction status
    "submitted": SUBMITTED,
    "submit": SUBMITTED,  # the old pages' "Submit" for in-app and push
    "submited": SUBMITTED,  # Messenger really spells it so
    "sent": SUBMITTED,
    "failed": FAILED,
    "rejected": FAILED,
    "invalid": FAILED,
    "notverified": FAILED,
    "undelivered": UNDELIVERED,  # "Un-Delivered" too
    "expired": UNDELIVERED,
    "noanswer": UNDELIVERED,
    "busy": UNDELIVERED,
    "delivered": DELIVERED,  # above failed: networks go on trying after reporting a failure
    "answered": DELIVERED,
    "bounce": BOUNCED,  # e-mail: comes after Delivered, and is the truth
    "bounced": BOUNCED,
    "read": READ,
    "opened": READ,
    "clicked": CLICKED,
    "complaint": COMPLAINED,
}

#: What a spelling means on one channel only; asked before SPELLINGS.
CHANNEL_SPELLINGS: Final[Mapping[str, Mapping[str, Status]]] = {
    "voice": {
        "offered": SUBMITTED,
        "accepted": SUBMITTED,
        # every answered call ends in these too, so they stand below delivered
        "dropped": ENDED,
        "released": ENDED,
        "disconnected": ENDED,
        "tromboneconnected": ENDED,
        "trombonereleased": ENDED,
    }
}

#: A delivery that has facts of both kinds is in conflict.
REACHED: Final = frozenset({DELIVERED.rank, READ.rank, CLICKED.rank})
MISSED: Final = frozenset({FAILED.rank, UNDELIVERED.rank})
#: What is still to be decided can become overdue.
OPEN: Final = frozenset(each.rank for each in STATUSES if each.outcome is Outcome.PENDING)
#: The first of these ends the time-to-delivery clock.
ARRIVED: Final = frozenset({DELIVERED.rank, READ.rank})

_NOT_LETTERS = re.compile(r"[^a-z]")


@lru_cache(maxsize=256)  # there are few, and each is asked for several times a notification
def status_of(channel: str, spelling: str) -> Status:
    """Return what the platform's `spelling` means on `channel`; UNKNOWN for what we don't know."""
    folded = _NOT_LETTERS.sub("", spelling.lower())
    return CHANNEL_SPELLINGS.get(channel, {}).get(folded) or SPELLINGS.get(folded, UNKNOWN)
