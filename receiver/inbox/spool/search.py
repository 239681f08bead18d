"""Looking for facts in a spool, without owning its segments: whoever writes or drains goes on."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from receiver.domain.facts import Fact
from receiver.inbox.spool.reader import Reader
from receiver.inbox.spool.segments import State, list_
from receiver.sealing import Sealer


def search(folder: Path, sealer: Sealer, is_sought: Callable[[Fact], bool]) -> Iterator[Fact]:
    """Yield the facts that wait in a spool and are sought, the oldest segment first.

    A record that is being written at this moment is passed over.

    Raises:
        SealedError: our keys don't open a segment.
        SpoolError: a later version wrote one.
        OSError: the disk can't give one.

    """
    for file in list_(folder, State.WAITING):
        try:
            opened = os.open(file.path, os.O_RDONLY)
        except FileNotFoundError:  # drained this moment
            continue
        try:
            reader = Reader(opened, sealer)
            while (facts := reader.next()) is not None:
                yield from filter(is_sought, facts)
        finally:
            os.close(opened)
