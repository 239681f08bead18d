"""What waits for the store: messages before receipts, and no point at the cost of the others."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from typing import Final

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact, Receipt
from receiver.store.apply import Applied
from receiver.store.batch import raw_bytes

#: What may wait, of all points together: no more than is committed while a fact can wait.
QUEUE_FACTS: Final = 4_000
QUEUE_BYTES: Final = 64 * 1024 * 1024

#: Past this nobody is let in, whatever share it has.
_BURSTING: Final = 2.0

#: Receipts last; one lane a point, by its id as a number: a UUID's hash is Python's own work.
_Lane = tuple[bool, int]


class Waiting:
    """The facts of one request, until they are durable or given up."""

    __slots__ = ("_ended", "error", "facts", "lane", "over", "results", "since", "size_bytes")

    def __init__(self, facts: Sequence[Fact]) -> None:
        first = facts[0]
        self.facts = facts
        self.since = time.monotonic()
        self.size_bytes = len(first.raw) if len(facts) == 1 else raw_bytes(facts)
        self.lane: _Lane = (
            isinstance(first.body, Receipt),
            first.point_id.int if first.point_id else 0,
        )
        self.results: Sequence[Applied] = ()
        self.error: StoreAwayError | None = None
        self.over = False
        self._ended = threading.Lock()
        self._ended.acquire()

    def wait(self) -> Sequence[Applied]:
        """Return the results once there are any. Raises: StoreAwayError."""
        self._ended.acquire()
        if self.error:
            raise self.error
        return self.results

    def end(self, *, results: Sequence[Applied] = (), error: StoreAwayError | None = None) -> None:
        """Let the request go on; the first end counts. Only under the lock of the queue's owner."""
        if not self.over:
            self.over, self.results, self.error = True, results, error
            self._ended.release()


class Queue:
    """Bounded lanes, served in turn. Its owner holds a lock around every call."""

    def __init__(self, *, most_facts: int = QUEUE_FACTS, most_bytes: int = QUEUE_BYTES) -> None:
        self._most_facts = most_facts
        self._most_bytes = most_bytes
        self._lanes: OrderedDict[_Lane, deque[Waiting]] = OrderedDict()
        self._loads: dict[_Lane, float] = {}
        self._load = 0.0
        """Of all lanes, as are those of each: 1 is full."""

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def add(self, waiting: Waiting) -> None:
        """Take in a request.

        Raises: StoreAwayError where too much waits already and its lane has its share of it:
        whoever makes the storm stands outside first.
        """
        lane = waiting.lane
        crowded = self._load >= 1 and self._loads.get(lane, 0) * len(self._lanes) >= 1
        if crowded or self._load >= _BURSTING:
            raise StoreAwayError("too much is waiting for the store")
        self._lanes.setdefault(lane, deque()).append(waiting)
        self._weigh(lane, waiting, 1)

    def take(self, *, most_facts: int, most_bytes: int) -> Sequence[Waiting]:
        """Remove and return what fits into one batch, at least one request if there is any."""
        taken: list[Waiting] = []
        facts = size = 0
        while self._lanes:
            lane = next((lane for lane in self._lanes if not lane[0]), next(iter(self._lanes)))
            first = self._lanes[lane][0]
            facts, size = facts + len(first.facts), size + first.size_bytes
            if taken and (facts > most_facts or size > most_bytes):
                break
            taken.append(self._pop(lane))
        return taken

    def standing(self) -> Iterator[Waiting]:
        """Yield what stands in line."""
        for lane in self._lanes.values():
            yield from lane

    def expired(self, before: float) -> Iterator[Waiting]:
        """Remove and yield what has stood in line since before a moment."""
        for lane in list(self._lanes):
            while (standing := self._lanes.get(lane)) and standing[0].since < before:
                yield self._pop(lane)

    def _pop(self, lane: _Lane) -> Waiting:
        waiting = self._lanes[lane].popleft()
        self._weigh(lane, waiting, -1)
        if self._lanes[lane]:
            self._lanes.move_to_end(lane)
        else:
            del self._lanes[lane], self._loads[lane]
        self._load = self._load if self._lanes else 0.0  # sums of fractions drift
        return waiting

    def _weigh(self, lane: _Lane, waiting: Waiting, sign: int) -> None:
        load = len(waiting.facts) / self._most_facts + waiting.size_bytes / self._most_bytes
        self._loads[lane] = self._loads.get(lane, 0) + sign * load
        self._load += sign * load
