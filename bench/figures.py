"""Several measurements as one: the median, and between what they lay."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True)
class Spread:
    """A median and the range around it."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the spread of one or more values."""
        found = list(values)
        return cls(median(found), min(found), max(found))

    @classmethod
    def of_ratios(cls, ours: Iterable[float], theirs: Iterable[float]) -> Self:
        """Return the spread of what pairs, each measured within one round, come to."""
        return cls.of(one / other for one, other in zip(ours, theirs, strict=True))

    def shown(self, digits: int) -> str:
        """Return it for people."""
        return f"{self.median:.{digits}f} [{self.least:.{digits}f}-{self.most:.{digits}f}]"
