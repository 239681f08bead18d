"""Counters and histograms for the way in: bounded in number, and at a part of the library's cost.

They write to the values behind the library's own, which check and look up what is known here.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, Final

from prometheus_client import Counter, Histogram
from prometheus_client.mmap_dict import mmap_key

#: Values of one label past these, in the order in which they were first counted, are one.
MOST_VALUES: Final = 200
OTHER: Final = "other"
#: What an entry of a file takes beside its key.
_ENTRY_BYTES: Final = 32


class BoundedCounter:
    """A counter whose series fit into the room that it has, whatever its labels are.

    What has no series of its own is counted as `other`: one label first, then all of them.
    """

    def __init__(self, counter: Counter, *, room_bytes: int) -> None:
        self._counter: Any = counter
        self._rest: Final = (OTHER,) * len(self._counter._labelnames)  # noqa: SLF001
        self._left_bytes = room_bytes - self._size(self._rest)
        self._values: tuple[set[str], ...] = tuple(set() for _ in self._rest)
        self._counts: dict[tuple[str, ...], Any] = {}

    def add(self, *labels: str, n: float = 1) -> None:
        """Count `n` more with these labels, in the order in which the counter names them."""
        count = self._counts.get(labels)
        if count is None:
            count = self._count(labels)
        count.inc(n)

    def _count(self, labels: tuple[str, ...]) -> Any:
        """Return the count of a series that there is, or that there is room for."""
        known = zip(labels, self._values, strict=True)
        bound = tuple(each if _is_kept(each, values) else OTHER for each, values in known)
        if bound not in self._counts:
            bound = bound if self._has_room(bound) else self._rest
            self._counts[bound] = self._counter.labels(*bound)._value  # noqa: SLF001
        return self._counts[bound]

    def _has_room(self, labels: tuple[str, ...]) -> bool:
        size_bytes = self._size(labels)
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def _size(self, labels: tuple[str, ...]) -> int:
        metric = self._counter
        key = mmap_key(
            metric._name,  # noqa: SLF001
            f"{metric._name}_total",  # noqa: SLF001
            metric._labelnames,  # noqa: SLF001
            list(labels),
            metric._documentation,  # noqa: SLF001
        )
        return len(key) + _ENTRY_BYTES


class BatchHistogram:
    """A histogram, or one series of it, that takes at once what a batch has to tell."""

    def __init__(self, histogram: Histogram) -> None:
        series: Any = histogram
        self._bounds: Final = series._upper_bounds  # noqa: SLF001
        self._buckets: Final = series._buckets  # noqa: SLF001
        self._sum: Final = series._sum  # noqa: SLF001

    def observe(self, amount: float) -> None:
        """Take note of one amount."""
        self._sum.inc(amount)
        self._buckets[bisect_left(self._bounds, amount)].inc(1)

    def observe_all(self, amounts: Iterable[tuple[float, int]]) -> None:
        """Take note of amounts, each so many times."""
        total = 0.0
        found: dict[int, int] = {}
        for amount, n in amounts:
            total += amount * n
            place = bisect_left(self._bounds, amount)
            found[place] = found.get(place, 0) + n
        self._sum.inc(total)
        for place, n in found.items():
            self._buckets[place].inc(n)


def _is_kept(value: str, values: set[str]) -> bool:
    if len(values) < MOST_VALUES:
        values.add(value)
    return value in values
