"""The files that the processes of one service count in, each in its own; a scrape adds them up.

They are mapped into memory, and writing to a page that a full disk has no room for would kill
the process: so each worker takes all the room that it will need before it counts anything.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

#: Room by the first part of a file's name; what each counter has of it is said in `metrics`.
ROOM_BYTES: Final = {
    "counter": 1536 * 1024,
    "histogram": 64 * 1024,
    "gauge_livesum": 4 * 1024,
    "gauge_livemax": 4 * 1024,
}


def emptied(folder: Path) -> Path | None:
    """Make a folder for a new service, without what an earlier one counted; None if it can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.db*"):
            file.unlink()
    except OSError:
        return None
    return folder


def claim(folder: str | None) -> Path | None:
    """Take room in the folder for this process; None where there is none: it counts for itself."""
    if not folder:
        return None
    files = [Path(folder) / f"{kind}_{os.getpid()}.db" for kind in ROOM_BYTES]
    try:
        for file, room_bytes in zip(files, ROOM_BYTES.values(), strict=True):
            _take(file, room_bytes)
    except OSError:
        return None
    return Path(folder)


def forget_dead(folder: Path) -> None:
    """Remove what processes said of themselves that are no more; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        if not _lives(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _take(file: Path, room_bytes: int) -> None:
    """Fill a file with zeros, as which an empty one reads. Others see all of it or none."""
    if file.exists():  # of an earlier process with this number: what it counted still counts
        return
    fresh = file.with_suffix(".db.new")
    try:
        fresh.write_bytes(bytes(room_bytes))
        fresh.rename(file)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
