"""What the sandbox remembers of transactions, so that it can be asked for their status."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from receiver.domain.identity import transid_of

T = TypeVar("T")

#: Of recipients, or of customers' records.
MOST_KEPT: Final = 20_000


class Memory(Generic[T]):
    """Keeps the newest transactions; each takes the room that it is said to take."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._room = 0

    def keep(self, transid: str, transaction: T, *, room: int) -> None:
        """Take a transaction, in place of the oldest where there is no room."""
        self._kept[transid] = transaction, room
        self._room += room
        while self._room > self._most:
            self._room -= self._kept.popitem(last=False)[1][1]

    def find(self, transid: str) -> T | None:
        """Return a transaction, also by the id with which its receipts may name it."""
        found = self._kept.get(transid_of(transid))
        return found[0] if found else None
