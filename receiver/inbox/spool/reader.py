"""Reading a segment record by record, over whatever is damaged in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from receiver.domain.errors import ReceiverError
from receiver.domain.facts import Fact
from receiver.inbox.spool.disk import offload, read_at
from receiver.inbox.spool.framing import HEADER_BYTES, Header, context_of, find_header, size_of
from receiver.inbox.spool.records import decode
from receiver.sealing import Sealer
from receiver.store.batch import raw_bytes

BATCH_BYTES: Final = 4 * 1024 * 1024


class Reader:
    """Reads an open segment that nobody writes any more. Holds one record at a time."""

    def __init__(self, file: int, sealer: Sealer) -> None:
        self._file = file
        self._sealer = sealer
        self._read_to = 0
        self._damaged_here = 0
        self.damaged = 0
        """How many records were passed over; of what has no header left, a stretch is one."""

    def next(self) -> Sequence[Fact] | None:
        """Return the facts of the next record that is whole, None at the end.

        Raises:
            SealedError: our keys don't open it.
            SpoolError: a later version wrote it.
            OSError: the disk can't give it.

        """
        offset = self._read_to
        while found := find_header(self._file, offset):
            at, header = found
            payload = read_at(self._file, header.length_bytes, at + HEADER_BYTES)
            if header.fits(payload):
                facts = self._open(at, header, payload)
                self._note_damage(at)
                self._read_to = at + HEADER_BYTES + header.length_bytes
                return facts
            self._damaged_here += 1
            offset = at + 1
        self._note_damage(size_of(self._file))
        return None

    def _open(self, at: int, header: Header, payload: bytes) -> Sequence[Fact]:
        return decode(self._sealer.open(payload, context=context_of(header.segment_id, at)))

    def _note_damage(self, up_to: int) -> None:
        if up_to > self._read_to:
            self.damaged += max(self._damaged_here, 1)
            self._read_to = up_to
        self._damaged_here = 0


@dataclass(slots=True)
class Batches:
    """The facts of a segment in batches of any size, and no more of them in memory."""

    reader: Reader
    _facts: list[Fact] = field(default_factory=list)

    def take(self, count: int, size_bytes: int = BATCH_BYTES) -> Sequence[Fact]:
        """Return up to `count` facts of about `size_bytes`, at least one; none at the end.

        Raises: as `Reader.next`.
        """
        fitting = _fitting(self._facts, count, size_bytes)
        if fitting is None:
            offload(self._fill, count, size_bytes)
            fitting = _fitting(self._facts, count, size_bytes) or len(self._facts)
        taken, self._facts = self._facts[:fitting], self._facts[fitting:]
        return taken

    def _fill(self, count: int, size_bytes: int) -> None:
        """Read records until there is enough for a batch; what can't be read comes after it."""
        left_count = count - len(self._facts)
        left_bytes = size_bytes - raw_bytes(self._facts)
        while left_count > 0 and left_bytes > 0:
            try:
                facts = self.reader.next()
            except ReceiverError:
                if not self._facts:
                    raise
                return
            if facts is None:
                return
            self._facts += facts
            left_count -= len(facts)
            left_bytes -= raw_bytes(facts)


def _fitting(facts: Sequence[Fact], count: int, size_bytes: int) -> int | None:
    """Return how many of the first facts make a batch, None if they don't fill one."""
    size = 0
    for number, fact in enumerate(facts[:count], start=1):
        size += len(fact.raw)
        if number == count or size >= size_bytes:
            return number
    return None
