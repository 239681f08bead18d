"""How much waits in a spool, over all processes, told from plain headers alone."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from receiver.domain.errors import SpoolError
from receiver.inbox.spool.disk import offload
from receiver.inbox.spool.framing import headers
from receiver.inbox.spool.segments import File, State, list_

LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What waits for the store: what is applied doesn't, nor what is kept as damaged."""

    facts: int = 0
    bytes: int = 0
    segments: int = 0
    oldest_at: datetime | None = None
    damaged: int = 0
    """Segments of which a part, or all, can't be read."""
    kept_bytes: int = 0
    """Of segments that are applied, and kept for a while."""


@dataclass(slots=True)
class Tally:
    """What the headers of a segment say, as far as it was read."""

    facts: int = 0
    oldest_ms: int | None = None
    read_to: int = 0
    size_bytes: int = 0

    @property
    def oldest_at(self) -> datetime | None:
        """Return when the oldest fact was accepted."""
        return None if self.oldest_ms is None else datetime.fromtimestamp(self.oldest_ms / 1e3, UTC)

    def read_on(self, file: File) -> None:
        """Read what has been added. Raises OSError."""
        if file.size_bytes == self.size_bytes:
            return
        opened = os.open(file.path, os.O_RDONLY)
        try:
            for end, header in headers(opened, self.read_to, file.size_bytes):
                self.read_to = end
                self.facts += header.facts
                self.oldest_ms = min(header.oldest_ms, self.oldest_ms or header.oldest_ms)
        finally:
            os.close(opened)
        self.size_bytes = file.size_bytes


class Gauge:
    """Reads the depth of a spool, once in `look_seconds`, and of each segment only what is new."""

    def __init__(self, directory: Path, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._directory = directory
        self._look_seconds = look_seconds
        self._tallies: dict[str, Tally] = {}
        self._last: Depth | None = None
        self._read_at = float("-inf")
        self._turn = threading.Lock()

    def read(self) -> Depth:
        """Return the depth of just now; zeros where there is no spool yet.

        Raises:
            SpoolError: the folder can't be read.

        """
        last = self._last
        if last is not None and time.monotonic() < self._read_at + self._look_seconds:
            return last
        if not self._turn.acquire(blocking=last is None):
            return last or Depth()  # another is reading, maybe from a disk that hangs
        try:
            self._last = offload(self._read)
            self._read_at = time.monotonic()
        except OSError as error:
            raise SpoolError(f"the spool can't be read: {error.strerror}") from error
        finally:
            self._turn.release()
        return self._last

    def _read(self) -> Depth:
        files = list_(self._directory, *State)
        waiting = [file for file in files if file.state is State.WAITING and file.size_bytes]
        tallies: dict[str, Tally] = {}
        unreadable = 0
        for file in waiting:
            # A copy: who gave up waiting for us may have let another in.
            tally = replace(self._tallies.get(file.path.name, Tally()))
            try:
                tally.read_on(file)
            except FileNotFoundError:  # drained this moment
                continue
            except OSError:  # another user's, say; facts can be appended to others all the same
                unreadable += 1
            tallies[file.path.name] = tally
        self._tallies = tallies
        return _sum(tallies, files, unreadable)


def depth(directory: Path) -> Depth:
    """Return how much waits in a spool. Raises SpoolError where the folder can't be read."""
    return Gauge(directory).read()


def _sum(tallies: dict[str, Tally], files: Sequence[File], unreadable: int) -> Depth:
    waiting = tallies.values()
    kept = [file for file in files if file.state is State.APPLIED]
    return Depth(
        facts=sum(tally.facts for tally in waiting),
        bytes=sum(tally.size_bytes for tally in waiting),
        segments=len(tallies),
        oldest_at=min((tally.oldest_at for tally in waiting if tally.oldest_at), default=None),
        damaged=sum(file.state is State.DAMAGED for file in files) + unreadable,
        kept_bytes=sum(file.size_bytes for file in kept),
    )
