"""The files of a spool: their names, what state they are in, and who owns one.

A name begins with the moment at which the segment was begun, so that names sort by age. Who
writes or drains a segment holds a lock on it, which ends with its process however that ends.
"""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from receiver.inbox.spool.disk import (
    PRIVATE_FILE,
    Fsync,
    fsync_folder,
    make_folder,
    write_all,
)
from receiver.inbox.spool.framing import ID_BYTES, Header, context_of
from receiver.sealing import Sealer

SUFFIX: Final = ".spool"
APPLIED: Final = ".applied"
DAMAGED: Final = ".damaged"
#: Longer than it takes to begin a segment.
_BEGINNING_SECONDS: Final = 3600


class State(StrEnum):
    """Where a segment is on its way."""

    WRITING = "writing"
    WAITING = "waiting"
    APPLIED = "applied"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class File:
    """A segment in its folder, as a look at the folder shows it."""

    path: Path
    state: State
    size_bytes: int
    changed_at: float


def state_of(name: str) -> State | None:
    """Return what a name says, None if it is no segment's. A lock says whether one is written."""
    if name.startswith(".") or SUFFIX not in name:
        return None
    if name.endswith(APPLIED):
        return State.APPLIED
    return State.DAMAGED if name.endswith(DAMAGED) else State.WAITING


def list_(directory: Path, *states: State) -> Sequence[File]:
    """Return the segments in these states, the oldest first; none where there is no folder.

    Raises: OSError.
    """
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            state = state_of(entry.name)
            if state in states:
                with contextlib.suppress(FileNotFoundError):  # drained this moment
                    stat = entry.stat()
                    found.append(File(Path(entry.path), state, stat.st_size, stat.st_mtime))
    return sorted(found, key=lambda file: file.path.name)


def claim(path: Path) -> int | None:
    """Open and own a segment; None where another owns it, or has finished it. Raises OSError."""
    try:
        file = os.open(path, os.O_RDWR)  # NFS locks only what is open for writing
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):  # until we had the lock, it may have been renamed
        pass
    except OSError:
        os.close(file)
        raise
    os.close(file)
    return None


def is_owned(path: Path) -> bool:
    """Tell whether a living process writes or drains it. Raises OSError."""
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def expire(directory: Path, *, before: float) -> None:
    """Delete what was applied before a moment, and what a killed process has just begun.

    Raises: OSError.
    """
    for file in list_(directory, State.APPLIED):
        if file.changed_at < before:
            file.path.unlink(missing_ok=True)
    for path in directory.glob(f".*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before - _BEGINNING_SECONDS:
                path.unlink()


def mark(path: Path, suffix: str) -> Path:
    """Give a segment that we own its last name, for good, and the time of now. Raises OSError."""
    os.utime(path)
    marked = path.rename(path.with_name(path.name + suffix))
    fsync_folder(path.parent)
    return marked


class Segment:
    """One that this process writes. After an OSError it must not be written to again."""

    def __init__(self, path: Path, file: int, id_: bytes, fsync: Fsync) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = file
        self._id = id_
        self._fsync = fsync

    @classmethod
    def begin(cls, directory: Path, *, now: float, fsync: Fsync) -> Self:
        """Make an empty one that outlives a power cut; none sees it unlocked. Raises OSError."""
        make_folder(directory, fsync)
        id_ = os.urandom(ID_BYTES)
        name = f"{int(now * 1_000_000):017d}-{os.getpid()}-{id_.hex()}{SUFFIX}"
        path, fresh = directory / name, directory / f".{name}"
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.rename(path)
            fsync_folder(directory, fsync)
        except OSError:
            path.unlink(missing_ok=True)
            fresh.unlink(missing_ok=True)
            os.close(file)
            raise
        return cls(path, file, id_, fsync)

    @property
    def is_there(self) -> bool:
        """Tell whether it still has a name: none finds what is written to it otherwise."""
        return os.fstat(self._file).st_nlink > 0

    def append(self, plain: bytes, sealer: Sealer, *, facts: int, oldest_ms: int) -> None:
        """Add one record; it is on the disk when this returns. Raises OSError."""
        payload = sealer.seal(plain, context=context_of(self._id, self.size_bytes))
        header = Header.of(payload, segment_id=self._id, facts=facts, oldest_ms=oldest_ms)
        record = header.written() + payload
        write_all(self._file, record)
        self._fsync(self._file)
        self.size_bytes += len(record)

    def close(self) -> None:
        """Let others have it; one with nothing in it ends."""
        with contextlib.suppress(OSError):
            if not self.size_bytes:
                self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(self._file)

    def abandon(self) -> None:
        """Close it after a failure, without what may stand half written at its end."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size_bytes)
        self.close()
