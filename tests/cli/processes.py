"""Real processes for tests: the `receiver` command, and what became of its children."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RECEIVER: Final = (sys.executable, "-c", "from receiver.cli import main; main()")
NAMES: Final = ("DATABASE_URL", "PORT", "WEB_CONCURRENCY")


class Running:
    """One command that goes on, its output in a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=dict(environment), stdout=output, stderr=output, cwd=ROOT
            )

    @property
    def output(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text()

    def wait_for(self, text: str, *, seconds: float = 20) -> None:
        """Wait until `text` is in its output."""
        eventually(lambda: text in self.output or self.process.poll() is not None, seconds)
        assert text in self.output, self.output

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 15) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def environment(var: Path, **more: str) -> dict[str, str]:
    """Return ours without what would steer Receiver, for the folder `var`."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name not in NAMES and not name.startswith("RECEIVER_")
    }
    return {**ours, "RECEIVER_VAR": str(var), "WEB_CONCURRENCY": "1", **more}


def receiver(
    *arguments: str, var: Path, piped: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*RECEIVER, *arguments],
        env=environment(var, **more),
        input=piped,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


@contextmanager
def running(*arguments: str, var: Path, **more: str) -> Iterator[Running]:
    """Run a command for as long as the context lasts."""
    log = var / f"{'-'.join(arguments)}.{time.monotonic_ns()}.log"
    command = Running([*RECEIVER, *arguments], environment(var, **more), log)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.stop(seconds=30)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Yield a folder under a short path that other users reach, and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="rcv-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def status_of(url: str) -> int:
    """Return the HTTP status of `url`, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def eventually(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait until `true()` is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


def postmaster(var: Path) -> int:
    """Return the process number of the server of `var`, 0 while there is none."""
    try:
        return int((var / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):  # it is being started: no file yet, or an empty one
        return 0


def alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has buried yet doesn't."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def processes_naming(text: str) -> list[int]:
    """Return the processes whose environment or arguments name `text`, but for this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in said and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found
