"""The local disk, so that waiting for it keeps nobody else waiting."""

import errno
import os
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar, cast

from gevent import monkey
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")
Fsync = Callable[[int], None]
#: The writer of the spool, its drainer, the snapshot's writer, the watch; twice that.
THREADS: Final = 8
#: What a disk loses at once, and what it has of a file stays readable around it.
BLOCK_BYTES: Final = 4096
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


def offload(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, without holding up the event loop where there is one.

    It runs in another thread then, where our locks and our log must not be touched.
    Raises what `work` raises.
    """
    if not monkey.is_module_patched("threading"):
        return work(*args, **kwargs)
    value, error = _pool(os.getpid()).apply(_outcome, (partial(work, *args, **kwargs),))
    if error is None:
        return cast(T, value)
    try:
        raise error
    finally:
        del error  # it holds this frame, which holds it


@lru_cache(maxsize=1)
def _pool(_: int) -> ThreadPool:
    """Return threads of a process for the disk alone: gevent's own look up the names of hosts.

    Those hang where the network does, and that is when the spool is needed.
    """
    return ThreadPool(THREADS)


def _outcome(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Return what `work` returns, and what it raises: gevent prints what leaves the thread so."""
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001  # the caller raises it again
        return None, error


def make_folder(folder: Path, fsync: Fsync = os.fsync) -> None:
    """Make sure that `folder` is there, for good. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent, fsync)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    fsync_folder(folder.parent, fsync)


def fsync_folder(folder: Path, fsync: Fsync = os.fsync) -> None:
    """Make sure that the names in `folder` outlive a power cut. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fsync(opened)
    finally:
        os.close(opened)


def write_all(file: int, content: bytes) -> None:
    """Write all of `content` to an open file. Raises OSError; then a part may be written."""
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def read_at(file: int, length: int, offset: int) -> bytes:
    """Return up to `length` bytes of an open file; fewer only at its end.

    In the place of what the disk has lost there are zeros, which no checksum fits. Raises OSError.
    """
    parts: list[bytes] = []
    while length > 0 and (part := _read_at_once(file, length, offset)):
        parts.append(part)
        length -= len(part)
        offset += len(part)
    return b"".join(parts)


def _read_at_once(file: int, length: int, offset: int) -> bytes:
    try:
        return os.pread(file, length, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return bytes(min(length, BLOCK_BYTES - offset % BLOCK_BYTES))
