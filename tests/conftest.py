"""A real Postgres for the whole run, and migrated databases cloned from a template."""

import itertools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from receiver import embedded
from receiver.log import configure
from receiver.settings import Settings
from receiver.store import partitions, schema
from receiver.store.database import connect
from tests.cli.processes import fresh_folder, processes_naming

MakeDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a server: RECEIVER_TEST_DATABASE_URL, else an embedded one of our own."""
    given = os.environ.get("RECEIVER_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # pytest's own folders are closed to others, and for root the server runs as another user
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Settings(var_dir=Path(folder) / "var")) as url:
            yield url


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> str:
    """A migrated database with its partitions, which nobody writes to."""
    url = create_database(postgres_url, f"template_{os.getpid()}")
    schema.upgrade(url)
    with connect(url) as connection:
        partitions.ensure(connection, today=datetime.now(UTC).date(), days_ahead=2)
    return url


@pytest.fixture(scope="session")
def make_database(postgres_url: str, template_url: str) -> MakeDatabase:
    """Make a fresh migrated database and return its URL."""
    numbers = itertools.count()
    template = f"template_{os.getpid()}"
    return lambda: create_database(
        postgres_url, f"test_{os.getpid()}_{next(numbers)}", template=template
    )


@pytest.fixture(scope="session")
def database_url(make_database: MakeDatabase) -> str:
    """A migrated database that the tests of a run share."""
    return make_database()


def create_database(server: str, name: str, *, template: str = "template0") -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log"
        connection.execute(
            sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template))
        )
        info = connection.info
        host, port, user = quote(info.host, safe=""), info.port, quote(info.user)
        password = quote(info.password or "", safe="")
    return f"postgresql://{user}:{password}@/{name}?host={host}&port={port}"


@pytest.fixture(scope="session", autouse=True)
def log() -> None:
    """Log as the service does, and to where no test reads what a command says."""
    configure("ERROR")


@pytest.fixture
def var() -> Iterator[Path]:
    """A folder for local state, and an end to whatever a failed test has left running in it."""
    with fresh_folder() as folder:
        yield folder
        for pid in processes_naming(str(folder)):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    """A folder for what a process keeps."""
    return tmp_path / "var"
