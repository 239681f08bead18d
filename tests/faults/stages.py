"""Where faults happen: one server and one service before it, set up in different ways.

A stage outlives its fault, so that the next one finds a service that has been through something.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from receiver.cli.database import session_on
from receiver.store import points
from tests.cli.processes import eventually, fresh_folder, status_of
from tests.faults import disks
from tests.faults.clock import Clock
from tests.faults.line import Line
from tests.faults.postgres import Postgres
from tests.faults.service import Service


@dataclass(frozen=True)
class Scene:
    """What a fault can get at."""

    postgres: Postgres
    service: Service
    hook_url: str
    line: Line | None = None
    clock: Clock | None = None
    disk: Path | None = None


Stage = Callable[[Postgres], AbstractContextManager[Scene]]


@contextmanager
def plain(postgres: Postgres) -> Iterator[Scene]:
    """A service as anybody runs it."""
    with _service(postgres, postgres.url) as (service, hook_url):
        yield Scene(postgres, service, hook_url)


@contextmanager
def behind_line(postgres: Postgres) -> Iterator[Scene]:
    """A service that reaches its server over a line that we can cut."""
    line = Line(postgres.socket)
    url = f"postgresql://receiver@127.0.0.1:{line.port}/receiver?sslmode=disable"
    try:
        with _service(postgres, url) as (service, hook_url):
            yield Scene(postgres, service, hook_url, line=line)
    finally:
        line.close()


@contextmanager
def with_small_spool(postgres: Postgres) -> Iterator[Scene]:
    """A service whose spool may not become larger than a mebibyte."""
    more = {"RECEIVER_SPOOL_MAX_BYTES": str(1024 * 1024)}
    with _service(postgres, postgres.url, **more) as (service, hook_url):
        yield Scene(postgres, service, hook_url)


@contextmanager
def with_spool_on_small_disk(postgres: Postgres) -> Iterator[Scene]:
    """A service whose spool has a disk of its own, of two mebibytes."""
    with fresh_folder() as folder, disks.mounted(folder, megabytes=2):
        spool = str(folder / "spool")
        with _service(postgres, postgres.url, RECEIVER_SPOOL=spool) as (service, hook_url):
            yield Scene(postgres, service, hook_url, disk=folder)


@contextmanager
def with_postgres_on_small_disk(_: Postgres) -> Iterator[Scene]:
    """A service whose server has a disk of its own."""
    with fresh_folder() as folder, disks.mounted(folder, megabytes=400):
        postgres = Postgres(folder)
        with _server(postgres), _service(postgres, postgres.url) as (service, hook_url):
            yield Scene(postgres, service, hook_url, disk=folder)


@contextmanager
def with_clock(postgres: Postgres) -> Iterator[Scene]:
    """A service whose clock we can set."""
    with fresh_folder() as folder:
        clock = Clock(folder)
        with _service(postgres, postgres.url, **clock.environment) as (service, hook_url):
            yield Scene(postgres, service, hook_url, clock=clock)


@contextmanager
def server() -> Iterator[Postgres]:
    """A server that stages share."""
    with fresh_folder() as folder:
        postgres = Postgres(folder)
        with _server(postgres):
            yield postgres


@contextmanager
def _server(postgres: Postgres) -> Iterator[None]:
    postgres.start()
    try:
        postgres.migrate()
        yield
    finally:
        postgres.stop()


@contextmanager
def _service(postgres: Postgres, url: str, **more: str) -> Iterator[tuple[Service, str]]:
    with fresh_folder() as folder:
        with session_on(postgres.url) as session:
            token = points.add(session, domain="default", code=folder.name).token_local
        service = Service(folder, url, **more)
        try:
            service.start()
            hook_url = f"{service.base_url}/hooks/{token}"
            eventually(lambda: all(status_of(hook_url) == HTTPStatus.OK for _ in range(8)))
            yield service, hook_url
            service.stop()
        finally:
            service.end()
