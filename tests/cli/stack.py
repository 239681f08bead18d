"""All of it as processes: Postgres, `receiver run`, and in it the sandbox as the platform.

Postgres and the spool have disks of their own where that can be had, so that they can be filled.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests

from receiver.cli import entrance
from receiver.cli.database import session_on
from receiver.cli.entrance import Entrance
from receiver.inbox.spool.segments import State, list_
from receiver.sandbox.state import SERVICE_KEY
from receiver.store import keys
from tests.cli.processes import eventually, free_port, fresh_folder, running, status_of
from tests.faults import disks
from tests.faults.postgres import Postgres
from tests.monitoring.promtool import Scrape, scraped
from tests.sandbox.playing import MESSAGING, make_request

#: What the sandbox signs with.
SECRET: Final = "the hub secret"
START_SECONDS: Final = 30.0
SERVER_MEGABYTES: Final = 400
HEALED_SECONDS: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What runs, and the environment of commands beside it."""

    postgres: Postgres
    environment: dict[str, str] = field(repr=False)
    spool_disk: Path
    server_disk: Path

    @property
    def entrance(self) -> Entrance:
        known = entrance.read(Path(self.environment["RECEIVER_VAR"]))
        assert known is not None
        return known

    def ready(self) -> Any:
        """Return what the service says of itself."""
        return requests.get(f"{self.entrance.base_url}/health/ready", timeout=5).json()

    def branch(self, name: str, *, secret: str = SECRET) -> "Branch":
        """Make a domain with a point, whose platform is the sandbox, and a key."""
        with session_on(self.postgres.url) as session:
            _, key = keys.add(session, domain=name, name=name, scopes=keys.SCOPES)
        branch = Branch(stack=self, name=name, key=key)
        eventually(lambda: branch.ask("GET", "/api/v1/sends").ok)  # its key is known
        opts = {
            "platform_url": self.entrance.sandbox_url,
            "signature": "required",
            "signature_secrets": [secret],
        }
        point = {"code": name, "type": "public", "token_remote": SERVICE_KEY, "opts": opts}
        branch.call("POST", "/rest/v1/service/integration_points", json=point)
        branch.call("GET", f"{MESSAGING}/status/{name}")  # so that the gateway knows the point
        return branch

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        """Stop Postgres as long as the context lasts."""
        with self._healed(), self.postgres.stopped():
            yield

    @contextmanager
    def without_room(self) -> Iterator[None]:
        """Leave the spool's disk no byte as long as the context lasts."""
        spool = Path(self.environment["RECEIVER_SPOOL"])
        # what is kept for a second would make room as it goes
        eventually(lambda: not sum(file.size_bytes for file in list_(spool, *State)))
        with self._healed(), disks.filled(self.spool_disk):
            yield

    @contextmanager
    def with_full_database(self) -> Iterator[None]:
        """Leave Postgres's disk no byte as long as the context lasts; it may not survive that."""
        with self._healed():
            with disks.filled(self.server_disk):
                yield
            self.postgres.start()

    @contextmanager
    def without_either(self) -> Iterator[None]:
        """Leave no way in."""
        with self.without_room(), self.postgres.stopped():
            yield

    @contextmanager
    def _healed(self) -> Iterator[None]:
        """Wait in the end until all is well again, and nothing waits in the spool."""
        try:
            yield
        finally:
            eventually(lambda: self.ready()["status"] == "ready", HEALED_SECONDS)
            eventually(lambda: self.ready()["parts"]["spool"]["facts"] == 0, HEALED_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One domain, whose point and key are called as it is."""

    stack: Stack
    name: str
    key: str = field(repr=False)

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask the service with the key."""
        url, headers = self.stack.entrance.base_url + path, {"key": self.key}
        headers["Authorization"] = f"Bearer {self.key}"
        return requests.request(method, url, headers=headers, timeout=15, **more)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask it for what it must not refuse."""
        answer = self.ask(method, path, **more)
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer

    def send(self, destination: str, *, number: int) -> Sequence[str]:
        """Send messages through the gateway, each by itself, and return their transids."""
        body = [make_request(destination) for _ in range(number)]
        entries = self.call("POST", MESSAGING, json=body).json()["response"]
        assert {each["code"] for each in entries} == {"1001"}
        return [each["transid"] for each in entries]

    def scrape(self) -> Scrape:
        """Return the metrics, as the key sees them."""
        return scraped(self.call("GET", "/metrics").text)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Run all of it as long as the context lasts."""
    with ExitStack() as exits:
        var, server_disk, spool_disk = (exits.enter_context(fresh_folder()) for _ in range(3))
        if not disks.missing_privilege():
            exits.enter_context(disks.mounted(spool_disk, megabytes=4))
            exits.enter_context(disks.mounted(server_disk, megabytes=SERVER_MEGABYTES))
        postgres = Postgres(server_disk)
        exits.callback(postgres.stop)
        postgres.start()
        port = str(free_port())
        environment = {
            "RECEIVER_VAR": str(var),
            "DATABASE_URL": postgres.url,
            "PORT": port,
            "RECEIVER_SPOOL": str(spool_disk / "spool"),
            "RECEIVER_SPOOL_KEPT": "1s",
            "RECEIVER_SILENCE": "1s",
            "RECEIVER_SANDBOX_SECRET": SECRET,
            "RECEIVER_SANDBOX_RETRY": "1s",
        }
        command = exits.enter_context(
            running("run", var=var, **{n: v for n, v in environment.items() if n != "RECEIVER_VAR"})
        )
        command.wait_for("Receiver is up", seconds=START_SECONDS)
        command.wait_for("worker_works", seconds=START_SECONDS)
        stack = Stack(
            postgres=postgres,
            environment=environment,
            spool_disk=spool_disk,
            server_disk=server_disk,
        )
        eventually(lambda: status_of(f"{stack.entrance.sandbox_url}/sandbox/book") == HTTPStatus.OK)
        eventually(lambda: stack.ready()["status"] == "ready")
        yield stack
