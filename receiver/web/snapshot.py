"""The directory as a sealed file, for a process that starts while Postgres is away.

One process of those that share the folder writes it: the one that holds the lock, which passes
to another when that one ends.
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog

from receiver.domain.errors import ReceiverError, SealedError
from receiver.inbox.spool.disk import PRIVATE_FILE, fsync_folder, make_folder, offload, write_all
from receiver.sealing import Sealer
from receiver.store.directory import Directory
from receiver.store.keys import ApiKey
from receiver.store.points import Point

FILE: Final = "snapshot.sealed"
LOCK: Final = "snapshot.lock"
FORMAT: Final = 1
_CONTEXT: Final = b"receiver: snapshot of the directory"

log = structlog.get_logger()


class _Point(msgspec.Struct):
    hash: bytes
    point: Point


class _Key(msgspec.Struct):
    hash: bytes
    key: ApiKey


class _Content(msgspec.Struct):
    """What the file holds. Fields may be added where they have defaults; others are passed over."""

    format: int
    taken_at: datetime
    points: list[_Point]
    keys: list[_Key]


@dataclass(frozen=True, slots=True)
class Taken:
    """A directory, and when it was so."""

    directory: Directory
    taken_at: datetime


class Snapshot:
    """The file in one folder. Opening it for the first time makes the folder, and a key to seal."""

    def __init__(self, folder: Path, secret_keys: Sequence[str] = ()) -> None:
        self.file = folder / FILE
        self._secret_keys = secret_keys
        self._sealer: Sealer | None = None
        self._lock: IO[bytes] | None = None
        self._kept: Directory | None = None
        self._said = ""

    def load(self) -> Taken | None:
        """Return what was kept; None where there is nothing that can be read, as the log says."""
        try:
            taken = self._opened()
        except FileNotFoundError:
            return None
        except (OSError, ReceiverError, msgspec.MsgspecError) as error:
            self._say("snapshot_unusable", error)
            return None
        self._said = ""
        return taken

    def keep(self, directory: Directory) -> None:
        """Write the directory if that is our part, and it isn't what is written already."""
        try:
            if self._is_ours() and (directory != self._kept or not self.file.exists()):
                self._write(directory)
        except (OSError, ReceiverError) as error:
            self._say("snapshot_not_written", error)

    def close(self) -> None:
        """Let another process write."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _is_ours(self) -> bool:
        if self._lock is not None:
            return True
        make_folder(self.file.parent)
        lock = _open(self.file.with_name(LOCK), os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        taken = self.load()  # whoever wrote before us may have written just this
        self._kept = taken.directory if taken else None
        return True

    def _write(self, directory: Directory) -> None:
        content = _Content(
            FORMAT,
            datetime.now(UTC),
            [_Point(hash_, point) for hash_, point in directory.points.items()],
            [_Key(hash_, key) for hash_, key in directory.keys.items()],
        )
        sealed = self._key().seal(msgspec.json.encode(content), context=_CONTEXT)
        offload(_replace, self.file, sealed)
        self._kept, self._said = directory, ""
        log.info("snapshot_written", points=len(content.points), keys=len(content.keys))

    def _opened(self) -> Taken:
        sealed = self.file.read_bytes()  # first: without a file no key is made
        plain = self._key().open(sealed, context=_CONTEXT)
        content = msgspec.json.decode(plain, type=_Content)
        if content.format != FORMAT:
            raise SealedError(f"it has the format {content.format} of another version")
        directory = Directory(
            {each.hash: each.point for each in content.points},
            {each.hash: each.key for each in content.keys},
        )
        return Taken(directory, content.taken_at)

    def _key(self) -> Sealer:
        if self._sealer is None:
            self._sealer = Sealer.of(self._secret_keys, self.file.parent)
        return self._sealer

    def _say(self, event: str, error: Exception) -> None:
        """Say a fault once; of a decoder's error not the text, which could quote what it read."""
        reason = type(error).__name__ if isinstance(error, msgspec.MsgspecError) else str(error)
        if self._said != f"{event}: {reason}":
            self._said = f"{event}: {reason}"
            log.warning(event, reason=reason)


def _open(file: Path, flags: int) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_WRONLY | flags, PRIVATE_FILE), "wb", buffering=0)


def _replace(file: Path, content: bytes) -> None:
    """Replace a file whole, for good. Only who holds the lock comes here, so one name will do."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with _open(fresh, os.O_CREAT | os.O_EXCL) as opened:
        write_all(opened.fileno(), content)
        os.fsync(opened.fileno())
    fresh.replace(file)
    fsync_folder(file.parent)
