"""The directory as it is read from Postgres, and when it has changed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError
from receiver.store import keys, points
from receiver.store.database import connect, libpq_url, make_engine
from receiver.store.directory import Directory, DirectoryReader, Version
from tests.conftest import MakeDatabase


@pytest.fixture
def url(make_database: MakeDatabase) -> str:
    return make_database()


@pytest.fixture
def reader(url: str) -> Iterator[DirectoryReader]:
    with closing(DirectoryReader(url)) as reader:
        yield reader


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    engine = make_engine(url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def read(reader: DirectoryReader, known: Version | None = None) -> tuple[Version, Directory]:
    changed = reader.read(known)
    assert changed is not None
    return changed


def test_points_and_keys_are_what_their_own_modules_say(
    reader: DirectoryReader, session: Session
) -> None:
    point = points.add(session, domain="d", code="c", title="Title")
    key, secret = keys.add(session, domain="d", name="n", scopes=["read"], point_ids=[point.id])
    session.commit()

    _, directory = read(reader)

    found = directory.keys[keys.hash_of(secret)]
    opened = replace(point, hook_token=point.token_local)
    assert directory.points == {points.hash_of(point.token_local): opened}
    assert (found.id, tuple(found.scopes), tuple(found.point_ids)) == (
        key.id,
        key.scopes,
        key.point_ids,
    )


def test_every_change_is_another_version_whoever_makes_it(
    url: str, reader: DirectoryReader, session: Session
) -> None:
    point = points.add(session, domain="d", code="c")
    key, _ = keys.add(session, domain="d", name="n", scopes=["read"])
    session.commit()
    version, _ = read(reader)
    with connect(url) as connection:
        for change in (
            "UPDATE integration_points SET opts = '{\"disabled\": true}'",
            "UPDATE api_keys SET revoked_at = now()",
            "UPDATE api_keys SET revoked_at = NULL",
            "UPDATE integration_points SET deleted_at = now() - interval '8 days'",
            "DELETE FROM api_keys",
        ):
            assert reader.read(version) is None
            connection.execute(change.encode())
            version, directory = read(reader, version)

    assert directory == Directory({}, {})
    assert (point.code, key.name) == ("c", "n")


def test_a_lost_connection_is_replaced_at_the_next_question(
    url: str, reader: DirectoryReader
) -> None:
    version, _ = read(reader)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(StoreAwayError):
        reader.read(version)
    assert reader.read(version) is not None


def test_without_tables_nobody_is_sure(url: str, reader: DirectoryReader) -> None:
    with connect(url) as connection:
        connection.execute("DROP TABLE api_keys")

    with pytest.raises(StoreAwayError):
        reader.read(None)
