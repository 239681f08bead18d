"""How large the ledger is to be, and what that takes."""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

MILLION: Final = 1_000_000
DAYS: Final = 400
GIBIBYTE: Final = 1024**3

#: What a million deliveries takes, with their sends and receipts, and what goes on besides: the
#: server's log of changes, and the partitions themselves.
_BYTES_A_MILLION: Final = 2.8 * GIBIBYTE
_BYTES_BESIDES: Final = 4 * GIBIBYTE
_SECONDS_A_MILLION: Final = 50
_SECONDS_BESIDES: Final = 180


@dataclass(frozen=True)
class Plan:
    """One delivery for each send, two receipts for each delivery, over the days before today."""

    deliveries: int
    today: date
    number_of_days: int = DAYS

    @cached_property
    def days(self) -> list[date]:
        """The days, the oldest first."""
        return [self.today - timedelta(days=ago) for ago in range(self.number_of_days, 0, -1)]

    def numbers_of(self, day: int) -> range:
        """Return which deliveries belong to the day of this index."""
        first, end = (self.deliveries * each // self.number_of_days for each in (day, day + 1))
        return range(first, end)

    def day_of(self, number: int) -> int:
        """Return the index of the day that a delivery belongs to."""
        return ((number + 1) * self.number_of_days - 1) // self.deliveries

    @property
    def disk_bytes(self) -> int:
        """What must be free."""
        return int(self.deliveries / MILLION * _BYTES_A_MILLION + _BYTES_BESIDES)

    @property
    def minutes(self) -> float:
        """How long it takes with two processors, roughly."""
        return (self.deliveries / MILLION * _SECONDS_A_MILLION + _SECONDS_BESIDES) / 60


def free_bytes(folder: Path) -> int:
    """Return how much a folder's disk has left."""
    return shutil.disk_usage(folder).free
