"""Programs that the bench starts, and ends with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from receiver import leash

ROOT: Final = Path(__file__).resolve().parents[1]
RECEIVER: Final = (sys.executable, "-c", "from receiver.cli import main; main()")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
_LAST_LINES: Final = 20
#: What would steer our own application from outside.
_STEERING: Final = ("DATABASE_URL", "PORT", "WEB_CONCURRENCY")


class ProgramError(Exception):
    """A program did not do what the bench needs; says what it wrote last."""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Return ours, without what would steer a program and with `more`."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name not in _STEERING and not name.startswith("RECEIVER_")
    }
    path = os.pathsep.join(filter(None, (str(ROOT), ours.get("PYTHONPATH"))))
    return {**ours, "PYTHONPATH": path, **more}


def run(command: Sequence[str], surroundings: Mapping[str, str]) -> str:
    """Run a command to its end, and return what it printed. Raises ProgramError."""
    done = subprocess.run(  # noqa: S603
        command, env=dict(surroundings), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProgramError(f"{command[-1]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


@contextmanager
def serving(
    command: Sequence[str], surroundings: Mapping[str, str], *, port: int, log: Path
) -> Iterator[int]:
    """Run a server as long as the context lasts; yield its pid once it listens on `port`.

    Raises ProgramError where it doesn't come up.
    """
    # On a leash it ends with us even when we are killed; in a session of its own Ctrl-C in the
    # terminal reaches us alone.
    line = [sys.executable, "-I", leash.__file__, str(os.getpid()), *command]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            line,
            env=dict(surroundings),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await(process, port, log)
        yield process.pid
    finally:
        _stop(process)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    raise ProgramError(f"a server did not come up; it wrote last:\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
