"""A server that comes back from a backup: what was read of the feed may be gone."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.embedded import data_folder, running
from receiver.settings import Settings
from receiver.store import changes, schema
from receiver.store.changes import Feed
from receiver.store.database import make_engine
from tests.cli.processes import eventually


def feed_of(url: str) -> Feed:
    engine = make_engine(url)
    with Session(engine) as session:
        recovering = text("SELECT pg_is_in_recovery()")
        eventually(lambda: not session.scalar(recovering), 30)
        found = changes.feed(session)
    engine.dispose()
    return found


def test_cursors_of_the_feed_end_with_the_server_that_gave_them(var: Path) -> None:
    settings = Settings(var_dir=var)
    with running(settings) as url:
        schema.upgrade(url)
        first = feed_of(url)
    with running(settings) as url:
        assert feed_of(url).generation == first.generation

    data = data_folder(settings)
    assert data
    (data / "recovery.signal").touch()
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write("restore_command = 'false'\n")
    with running(settings) as url:
        restored = feed_of(url)

    assert restored.generation != first.generation
    assert restored.end >= first.end  # so that the number alone would say nothing
