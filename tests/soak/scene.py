"""A service with its Postgres, whose platform is a sandbox of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from receiver.cli.entrance import Entrance
from receiver.cli.first import prepare
from receiver.settings import Settings
from tests.cli.processes import eventually, fresh_folder, status_of
from tests.faults import stages
from tests.faults.postgres import Postgres
from tests.faults.service import Service
from tests.sandbox.playing import Called, serving
from tests.soak.form import FORM


@dataclass(frozen=True)
class Scene:
    """All that a soak consists of."""

    postgres: Postgres
    service: Service
    entrance: Entrance
    sandbox: Called


@contextmanager
def opened() -> Iterator[Scene]:
    """Bring up all of it."""
    with fresh_folder() as folder, stages.server() as postgres:
        service = Service(folder, postgres.url, RECEIVER_PLATFORM_PRIVATE="true")
        with serving(retry=FORM.retry) as url:
            entrance = _prepared(service, postgres.url, url)
            try:
                service.start()
                eventually(lambda: status_of(entrance.hook_url) == 200)
                yield Scene(postgres, service, entrance, Called(url))
                service.stop()
            finally:
                service.end()


def _prepared(service: Service, database_url: str, sandbox_url: str) -> Entrance:
    """Make point and key, and let the sandbox be the point's platform."""
    port = int(service.base_url.rpartition(":")[2])
    settings = Settings(var_dir=Path(service.var), port=port, database_url=database_url)
    return prepare(settings, database_url, sandbox_url=sandbox_url)
