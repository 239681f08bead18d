"""The application between a caller and a platform, all on real sockets and a real Postgres."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from receiver.sealing import Sealer
from receiver.store import sealed
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.points import Point
from tests.gateway.upstream import Upstream, queued, upstream
from tests.web.service import Caller, Service, make_caller, make_domain, make_point, running

#: Shorter than anybody's, since tests wait for it.
DEADLINE = timedelta(seconds=0.6)
MESSAGING = "/resources/v1/messaging"
EVENTS = "/resources/v1/events/externalevent/"
PROFILES = "/resources/v2/customerappprofile/app-1"


@pytest.fixture(scope="session")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="session")
def service(database_url: str, var: Path) -> Iterator[Service]:
    with running(
        database_url, var_dir=var, platform_private=True, platform_deadline=DEADLINE
    ) as service:
        yield service


@pytest.fixture(scope="session")
def listening() -> Iterator[Upstream]:
    with upstream() as platform:
        yield platform


@pytest.fixture
def platform(listening: Upstream) -> Upstream:
    """The platform, which has been asked nothing yet and queues whatever it is asked."""
    listening.asked.clear()
    listening.way = queued
    return listening


@dataclass
class Client:
    """A sending application: it knows a base URL and a key."""

    caller: Caller
    point: Point

    def send(self, body: Any, *, path: str = MESSAGING, **headers: str) -> Any:
        given = {"key": self.caller.secret, **{k.replace("_", "-"): v for k, v in headers.items()}}
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self.caller.service.client.post(path, headers=given, **content)

    def ask(self, path: str, **headers: str) -> Any:
        given = {"key": self.caller.secret, **headers}
        return self.caller.service.client.get(path, headers=given)

    def sends(self, **filters: str) -> list[Mapping[str, Any]]:
        answer = self.caller.get("/sends", query_string=filters)
        assert answer.status_code == 200, answer.json
        found: list[Mapping[str, Any]] = answer.json["items"]
        return found

    def only(self) -> Any:
        """Return the one send that there is, whole."""
        (send,) = self.sends()
        return self.caller.send(send["id"])

    @property
    def hook_url(self) -> str:
        return f"http://127.0.0.1:8080/hooks/{self.point.token_local}"


def make_client(service: Service, var: Path, url: str, **opts: Any) -> Client:
    """Return a client of a domain of its own, whose point reaches the platform at `url`."""
    caller = make_caller(service, domain=make_domain())
    point = make_point(service, domain=caller.domain, platform_url=url, **opts)
    set_keys(service, var, point, token_remote="service-key", profile_key="profile-key")
    return Client(caller, point)


def set_keys(service: Service, var: Path, point: Point, **keys: str) -> None:
    sealer = Sealer.of((), var)
    with Session(service.engine) as session:
        row = session.get(IntegrationPoint, point.id)
        for column, plain in keys.items():
            setattr(row, column, sealed.seal(column, plain, point.id, sealer))
        session.commit()


@pytest.fixture
def client(service: Service, var: Path, platform: Upstream) -> Client:
    return make_client(service, var, platform.url)
