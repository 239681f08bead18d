"""What Postgres said about tokens and keys, remembered for seconds, in a bounded space."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from receiver.domain.errors import StoreAwayError
from receiver.store.points import hash_of

Item = TypeVar("Item")
Entry = TypeVar("Entry")

ABSENT_SECONDS: Final = 1.0
MOST_ENTRIES: Final = 10_000
#: Look-ups of secrets that we don't know: a flood of guesses must not become one of queries.
LOOK_UPS_PER_SECOND: Final = 50.0
LOOK_UPS_AT_ONCE: Final = 100.0
_RETRY_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Held(Generic[Item]):
    """One item, and until when it needs no look-up."""

    item: Item
    fresh_until: float


class Memory(Generic[Item]):
    """Items by their secrets, of which only hashes are held.

    With `stale`, an item is used for as long as Postgres can't be asked about it.
    """

    def __init__(
        self,
        look_up: Callable[[str], Item | None],
        *,
        fresh_seconds: float,
        stale: bool,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_ENTRIES,
    ) -> None:
        self._look_up = look_up
        self._fresh_seconds = fresh_seconds
        self._stale = stale
        self._clock = clock
        self._most = most
        self._known: OrderedDict[bytes, _Held[Item]] = OrderedDict()
        self._absent: OrderedDict[bytes, _Held[None]] = OrderedDict()
        self._allowance = LOOK_UPS_AT_ONCE
        self._allowed_at = clock()

    def find(self, secret: str) -> Item | None:
        """Return the item; None is certain. Raises StoreAwayError where nothing is."""
        key, now = hash_of(secret), self._clock()
        held = self._known.get(key)
        if held and held.fresh_until > now:
            return held.item
        absent = self._absent.get(key)
        if absent and absent.fresh_until > now:
            return None
        if held is None:
            self._spend(now)
            return self._ask(key, secret)
        return self._refresh(key, secret, held)

    def _refresh(self, key: bytes, secret: str, held: _Held[Item]) -> Item | None:
        if not self._stale:
            return self._ask(key, secret)
        held.fresh_until = self._clock() + _RETRY_SECONDS  # meanwhile the others go on with it
        try:
            return self._ask(key, secret)
        except StoreAwayError:
            return held.item

    def _ask(self, key: bytes, secret: str) -> Item | None:
        item = self._look_up(secret)
        now = self._clock()
        if item is None:
            self._known.pop(key, None)
            self._keep(self._absent, key, _Held(None, now + ABSENT_SECONDS))
            return None
        self._keep(self._known, key, _Held(item, now + self._fresh_seconds))
        return item

    def _spend(self, now: float) -> None:
        earned = (now - self._allowed_at) * LOOK_UPS_PER_SECOND
        self._allowance = min(LOOK_UPS_AT_ONCE, self._allowance + earned)
        self._allowed_at = now
        if self._allowance < 1:
            raise StoreAwayError("too many look-ups at once")
        self._allowance -= 1

    def _keep(
        self, entries: OrderedDict[bytes, _Held[Entry]], key: bytes, entry: _Held[Entry]
    ) -> None:
        entries[key] = entry
        entries.move_to_end(key)
        if len(entries) > self._most:
            entries.popitem(last=False)
