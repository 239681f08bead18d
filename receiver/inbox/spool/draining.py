"""One segment on its way into the store, whoever brings it: a serving process or the command."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog

from receiver.domain.facts import Fact
from receiver.inbox.spool.disk import offload
from receiver.inbox.spool.reader import Batches, Reader
from receiver.inbox.spool.segments import APPLIED, DAMAGED, State, claim, mark
from receiver.sealing import Sealer
from receiver.store.apply import apply
from receiver.store.database import Deadline
from receiver.store.erasures import Erasures

BATCH_FACTS: Final = 512
#: For one batch; past it the server is paused, or the path to it is silent.
APPLY_SECONDS: Final = 15.0

log = structlog.get_logger()


@dataclass(slots=True)
class Draining:
    """A segment that we own, and how far it has been applied."""

    path: Path
    reader: Reader
    batches: Batches
    applied: int = 0

    def finish(self) -> State:
        """Give the segment its last name: all of it that can be read is applied.

        Raises: OSError.
        """
        if not self.applied and not self.reader.damaged:
            offload(self.path.unlink)
            return State.APPLIED
        state = State.DAMAGED if self.reader.damaged else State.APPLIED
        offload(mark, self.path, DAMAGED if self.reader.damaged else APPLIED)
        say = log.error if self.reader.damaged else log.info
        name, damaged = self.path.name, self.reader.damaged
        say("spool_drained", segment=name, facts=self.applied, damaged_records=damaged)
        return state


@contextmanager
def claimed(path: Path, sealer: Sealer) -> Iterator[Draining | None]:
    """Own a segment for as long as the context lasts; None where another does, or it is gone.

    Raises: OSError.
    """
    file = offload(claim, path)
    try:
        if file is None:
            yield None
        else:
            reader = Reader(file, sealer)
            yield Draining(path, reader, Batches(reader))
    finally:
        if file is not None:
            os.close(file)


def apply_in_time(
    connection: psycopg.Connection[Any], facts: Sequence[Fact], erasures: Erasures
) -> None:
    """Apply a batch. Doing it again is harmless.

    Raises: StoreAwayError, SealedError.
    """
    with Deadline(connection, APPLY_SECONDS):
        apply(connection, facts, erasures)
