"""How many: sends by what became of them, deliveries by outcome, and how long they took.

Latencies are counted in buckets, each a tenth wider than the one before, so that counts of any
two hours can be added; a percentile is the middle of its bucket, at most 5 % off.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from typing import Any, Final

from receiver.domain.facts import State
from receiver.domain.status import BY_RANK, UNKNOWN

#: Bucket n holds latencies from WIDTH ** n up to WIDTH ** (n + 1) milliseconds; 0 those below too.
WIDTH: Final = 1.1
#: Stands for a delivery that, by the clocks of both sides, was there before it was asked for.
NEGATIVE: Final = -1
PERCENTILE_ERROR: Final = 0.05
_OF_STATE: Final = {
    State.REFUSED.value: "refused",
    State.UNCONFIRMED.value: "unconfirmed",
    State.UNRECORDED.value: "orphans",
}


@dataclass(slots=True)
class Counts:
    """How many there are of one kind of thing; counts can be added."""

    sends: int = 0
    refused: int = 0
    unconfirmed: int = 0
    orphans: int = 0
    deliveries: int = 0
    pending: int = 0
    overdue: int = 0
    success: int = 0
    failure: int = 0
    complaint: int = 0
    conflict: int = 0
    negative: int = 0
    """Deliveries that were there before they were asked for."""
    latencies: list[int] = field(default_factory=list)
    """By bucket."""

    def add_sends(self, state: str, n: int) -> None:
        """Add `n` sends in a state."""
        self.sends += n
        if name := _OF_STATE.get(state):
            self._add(name, n)

    def add_deliveries(
        self, rank: int, n: int, *, conflict: bool, overdue: bool, latency: int | None
    ) -> None:
        """Add `n` deliveries of a rank; `latency` is a bucket, NEGATIVE, or None for unknown."""
        self.deliveries += n
        self._add(BY_RANK.get(rank, UNKNOWN).outcome.value, n)
        self.conflict += n * conflict
        self.overdue += n * overdue
        if latency == NEGATIVE:
            self.negative += n
        elif latency is not None:
            self._add_latencies([0] * latency + [n])

    def add(self, other: Any) -> None:
        """Add what has the same attributes."""
        for name in MEASURES:
            self._add(name, getattr(other, name))
        self._add_latencies(other.latencies)

    def _add_latencies(self, others: Sequence[int]) -> None:
        """Add bucket by bucket; what is behind the last that holds any is left out."""
        self.latencies = [a + b for a, b in zip_longest(self.latencies, others, fillvalue=0)]
        while self.latencies and not self.latencies[-1]:
            self.latencies.pop()

    def _add(self, name: str, n: int) -> None:
        setattr(self, name, getattr(self, name) + n)


#: What is counted, but for the latencies.
MEASURES: Final = tuple(each.name for each in fields(Counts) if each.name != "latencies")


def percentile_ms(latencies: Sequence[int], share: float) -> int | None:
    """Return the latency that `share` of those counted do not exceed; None where there are none."""
    wanted = math.ceil(sum(latencies) * share)
    if not wanted:
        return None
    for bucket, n in enumerate(latencies):
        wanted -= n
        if wanted <= 0:
            return round(math.pow(WIDTH, bucket + 0.5))
    return None


def bucket_of(latency_ms: float) -> int:
    """Return the bucket of a latency, as the ledger's triggers do."""
    if latency_ms < 0:
        return NEGATIVE
    return min(math.floor(math.log(max(latency_ms, 1)) / math.log(WIDTH)), 250)
