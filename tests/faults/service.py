"""The service under test: `receiver serve` with two workers, and what it holds on to."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from tests.cli.processes import (
    RECEIVER,
    Running,
    environment,
    eventually,
    free_port,
    processes_naming,
    status_of,
)
from tests.faults.processes import (
    children,
    command_of,
    descendants,
    listeners,
    resident_bytes,
)

WORKERS: Final = 2
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Holdings:
    """What a service holds on to: the measure of whether all is back to normal."""

    processes: int
    memory_bytes: int
    spool_files: int
    unfinished_files: Sequence[str]


class Service:
    """One service with a folder of its own, started and stopped by hand."""

    def __init__(self, folder: Path, url: str, **more: str) -> None:
        self.var = folder / "var"
        self.var.mkdir()
        self.spool = Path(more.get("RECEIVER_SPOOL", self.var / "spool"))
        self.base_url = ""
        self._folder = folder
        self._port = free_port()
        self._more = {
            "RECEIVER_SPOOL_KEPT": "1s",
            "DATABASE_URL": url,
            "PORT": str(self._port),
            "WEB_CONCURRENCY": str(WORKERS),
        } | more
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._running: Running | None = None

    @property
    def pid(self) -> int:
        """Return the process that supervises gunicorn."""
        assert self._running is not None
        return self._running.process.pid

    @property
    def master(self) -> int:
        """Return gunicorn's master, which forks the workers."""
        eventually(lambda: any(map(children, children(self.pid))))
        (master,) = [pid for pid in children(self.pid) if children(pid)]
        assert "gunicorn" in command_of(master)
        return master

    @property
    def workers(self) -> Sequence[int]:
        """Return the processes that answer."""
        return children(self.master)

    def start(self) -> None:
        """Start it, and wait until it can take notifications with all of its workers."""
        log = self._folder / f"serve.{time.monotonic_ns()}.log"
        self._running = Running([*RECEIVER, "serve"], environment(self.var, **self._more), log)
        self.await_whole()

    def await_ready(self) -> None:
        """Wait until it says that it can take notifications."""
        eventually(lambda: self.is_ready() or self._ended(), START_SECONDS)
        assert not self._ended(), self.output

    def await_whole(self) -> None:
        """Wait until it is ready with all of its workers."""
        eventually(lambda: self._whole() or self._ended(), START_SECONDS)
        self.await_ready()

    def stop(self) -> None:
        """Ask it to end, and make sure that it leaves no process behind."""
        if self._running is None:
            return
        code = self._running.stop(seconds=STOP_SECONDS)
        self._running = None
        assert code == 0
        eventually(lambda: not self.processes())

    def kill(self) -> None:
        """Kill all of its processes at once, as when the machine goes down."""
        assert self._running is not None
        for pid in [self.pid, *descendants(self.pid)]:
            os.kill(pid, signal.SIGKILL)
        self._running.process.wait()
        self._running = None
        eventually(lambda: not self.processes())

    def end(self) -> None:
        """End it however it is; for what a failed test leaves."""
        if self._running is not None and self._running.process.poll() is None:
            self._running.process.kill()
            self._running.process.wait()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def processes(self) -> Sequence[int]:
        """Return every process that was started with its folder."""
        return processes_naming(f"RECEIVER_VAR={self.var}")

    def is_ready(self) -> bool:
        """Say whether a load balancer would send it anything."""
        return status_of(f"{self.base_url}/health/ready") == HTTPStatus.OK

    def spooled(self) -> int:
        """Return how many facts wait in the spool, -1 where nobody can say."""
        spool = self._parts().get("spool")
        return int(spool["facts"]) if spool else -1

    def has_spooled(self) -> bool:
        """Say whether facts wait on disk; for when nobody can be asked."""
        return any(path.stat().st_size for path in self.spool.glob("[!.]*.spool"))

    def damaged(self) -> int:
        """Return how many records of the spool can't be read, -1 where nobody can say."""
        spool = self._parts().get("spool")
        return int(spool["damaged"]) if spool else -1

    def holdings(self) -> Holdings:
        """Return what it holds now."""
        files = [path for path in self.var.rglob("*") if path.is_file()]
        spooled = [path for path in self.spool.rglob("*") if path.is_file()]
        return Holdings(
            processes=len(self.processes()),
            memory_bytes=sum(map(resident_bytes, self.workers)),
            spool_files=sum(not _unfinished(path) for path in spooled),
            unfinished_files=[str(path) for path in {*files} - {*spooled} if _unfinished(path)],
        )

    @property
    def output(self) -> str:
        """Return what it wrote since its first start."""
        return "".join(log.read_text() for log in sorted(self._folder.glob("serve.*.log")))

    def _whole(self) -> bool:
        masters = [pid for pid in children(self.pid) if children(pid)]
        if len(masters) != 1 or len(children(masters[0])) != WORKERS:
            return False
        return listeners(self._port) == WORKERS  # each has its own

    def _ended(self) -> bool:
        return self._running is None or self._running.process.poll() is not None

    def _parts(self) -> Mapping[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.base_url}/health/ready", timeout=5) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:  # unready is an answer too
            with error:
                said = json.load(error)
        except OSError:
            return {}
        parts: Mapping[str, Any] = said.get("parts", {})  # a problem has none
        return parts


def _unfinished(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix in {".new", ".tmp", ".part"}
