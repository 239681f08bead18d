"""A drainer on a real database, and segments for it."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from receiver.domain.facts import Fact
from receiver.inbox.spool import Drainer
from receiver.sealing import Sealer
from receiver.store.database import connect
from tests.inbox.spool.spools import SEALER, make_spool, put_each, waiting


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def make_drainer(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Drainer]]:
    made: list[Drainer] = []

    def make(**more: Any) -> Drainer:
        drainer = drainer_of(database_url, **({"directory": tmp_path} | more))
        made.append(drainer)
        return drainer

    yield make
    for drainer in made:
        drainer.stop()
        drainer._disconnect()


def drainer_of(url: str, *, directory: Path, sealer: Sealer = SEALER, **more: Any) -> Drainer:
    given: dict[str, Any] = {
        "connect": partial(connect, url),
        "is_open": lambda: True,
        "busy": lambda: False,
        "kept_seconds": 3600,
    }
    return Drainer(directory, sealer, **given | more)


def spooled(directory: Path, facts: Sequence[Fact]) -> Path:
    """A segment of one fact a record."""
    before = set(waiting(directory))
    spool = make_spool(directory)
    put_each(spool, facts)
    spool.close()
    (path,) = set(waiting(directory)) - before
    return path


def count(connection: psycopg.Connection[Any], domain: str) -> int:
    found = connection.execute("SELECT count(*) FROM receipts WHERE domain = %s", [domain])
    return int(found.fetchone()[0])  # type: ignore[index]
