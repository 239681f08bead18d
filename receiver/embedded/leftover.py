"""What a server of an earlier run left behind: the process itself, or only its postmaster.pid."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from receiver.domain.errors import SetupError
from receiver.embedded.place import Place

#: What Postgres understands by these, and how long each gets. SIGQUIT costs a recovery, no data.
STEPS: Final = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 4.0), (signal.SIGKILL, 2.0))


def clear_leftover(place: Place) -> None:
    """Stop a server whose owner is gone, and remove a postmaster.pid that no server holds.

    The pid in that file may long be another program's, which would keep Postgres from starting.

    Raises:
        SetupError: the old server doesn't stop.

    """
    file = place.data / "postmaster.pid"
    pid = _read_pid(file)
    if pid is None:
        return
    if not _serves(pid, place.data):
        file.unlink(missing_ok=True)
        return
    stop_process(pid, lambda: _serves(pid, place.data))
    if _serves(pid, place.data):
        raise SetupError(f"an old Postgres (process {pid}) doesn't stop: end it, then start again")


def stop_process(pid: int, alive: Callable[[], bool]) -> None:
    """Ask the server with this pid to stop, harder each time, until it isn't alive."""
    for number, seconds in STEPS:
        if not alive():
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + seconds
        while alive() and time.monotonic() < until:
            time.sleep(0.02)


def _read_pid(file: Path) -> int | None:
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return None
    except ValueError:
        return 0
    return pid


def _serves(pid: int, data: Path) -> bool:
    return pid > 0 and str(data) in _command_line(pid)


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="surrogateescape").split("\0")
    except OSError:
        pass
    if Path("/proc/self").exists():
        return []
    listed = subprocess.run(  # noqa: S603  macOS
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    return listed.stdout.split()
