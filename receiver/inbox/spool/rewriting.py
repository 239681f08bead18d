"""Writing a segment anew, where facts in it are to read otherwise from now on."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from receiver.domain.errors import ReceiverError, SpoolError
from receiver.domain.facts import Fact
from receiver.inbox.spool.disk import PRIVATE_FILE, fsync_folder
from receiver.inbox.spool.draining import claimed
from receiver.inbox.spool.framing import ID_BYTES
from receiver.inbox.spool.records import encode
from receiver.inbox.spool.segments import SUFFIX, File, Segment, State, list_
from receiver.sealing import Sealer

LOOK_SECONDS: Final = 0.1

Change = Callable[[Fact], Fact]


class BusyError(SpoolError):
    """A running process has the segment."""


def rewrite(file: File, sealer: Sealer, change: Change, *, write: bool = True) -> int:
    """Put what `change` returns in the place of each fact; return how many it changed.

    The segment keeps its name, its state and its time, and is written only if it must be.

    Raises:
        BusyError: a running process has it.
        SpoolError: a part of it can't be read, or a later version wrote it.
        SealedError: our keys don't open it.
        OSError: the disk failed; the segment is as it was.

    """
    with claimed(file.path, sealer) as draining:
        if draining is None and not file.path.exists():
            return 0
        if draining is None:
            raise BusyError("a running process has it")
        records, changed = [], 0
        while (facts := draining.reader.next()) is not None:
            now = [change(fact) for fact in facts]
            changed += sum(new is not old for new, old in zip(now, facts, strict=True))
            records.append(now)
        if draining.reader.damaged:
            raise SpoolError("a part of it can't be read: look after it, then delete the file")
        if changed and write:
            _replace(file.path, records, sealer)
        return changed


def _replace(path: Path, records: Sequence[Sequence[Fact]], sealer: Sealer) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}")
    was = path.stat()
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    segment = Segment(fresh, opened, os.urandom(ID_BYTES), os.fsync)
    try:
        for facts in records:
            oldest_ms = int(min(fact.accepted_at for fact in facts).timestamp() * 1000)
            segment.append(encode(facts), sealer, facts=len(facts), oldest_ms=oldest_ms)
        os.utime(fresh, ns=(was.st_mtime_ns, was.st_mtime_ns))
        os.fchown(opened, was.st_uid, was.st_gid)  # the service's own, whoever runs the command
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    finally:
        os.close(opened)
    fsync_folder(path.parent)


def rewrite_all(
    folder: Path, sealer: Sealer, change: Change, *, write: bool = True, patience_seconds: float
) -> Iterator[tuple[File, int | Exception]]:
    """Rewrite whatever lies in a spool; yield each segment with how many facts changed, or why not.

    One that a running process has is waited for, as is what that makes of it. Raises OSError
    where the folder can't be read.
    """
    done: set[str] = set()
    until, is_late = time.monotonic() + patience_seconds, False
    while not is_late:
        left = [file for file in list_(folder, *State) if _name(file) not in done]
        is_late = not left or time.monotonic() >= until
        for file in left:
            try:
                result: int | Exception = rewrite(file, sealer, change, write=write)
            except BusyError as error:
                if not is_late:
                    continue
                result = error
            except (ReceiverError, OSError) as error:
                result = error
            done.add(_name(file))
            yield file, result
        if any(_name(file) not in done for file in left):
            time.sleep(LOOK_SECONDS)


def _name(file: File) -> str:
    """Return what a segment is called whatever becomes of it."""
    return file.path.name.partition(SUFFIX)[0]
