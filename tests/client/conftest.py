"""A server that answers what a test says, and a client of it that needs no time to wait."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from receiver.client import Patience, Receiver
from tests.web.server import serving
from tests.web.service import Service, running

KEY = "rk_secret_of_the_tests"


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)


@pytest.fixture
def pauses() -> list[float]:
    """How long the client would have waited, in seconds."""
    return []


@pytest.fixture
def receiver(httpserver: HTTPServer, pauses: list[float]) -> Iterator[Receiver]:
    """A client of the server; what it sends is held against `httpserver`'s expectations."""
    patience = Patience(read_seconds=5)
    with Receiver(httpserver.url_for("/"), KEY, patience=patience, sleep=pauses.append) as receiver:
        yield receiver
    httpserver.check()


@pytest.fixture(scope="session")
def service(database_url: str) -> Iterator[Service]:
    """The application in this process, to make points and keys, and for the platform's calls."""
    with running(database_url) as service:
        yield service


@pytest.fixture(scope="session")
def base_url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real server on the same database."""
    with serving(database_url, tmp_path_factory.mktemp("client") / "log") as server:
        yield f"http://127.0.0.1:{server.port}"
