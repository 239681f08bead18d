"""How the commands reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError
from receiver.embedded import database_url
from receiver.settings import Settings
from receiver.store import fitness, partitions, schema
from receiver.store.database import check_durable, connect, make_engine
from receiver.store.reading import reading


@contextmanager
def session_on(url: str) -> Iterator[Session]:
    """Yield one session; what was done is committed at the end, unless it fails.

    Raises:
        StoreAwayError: the database can't be asked.

    """
    engine = make_engine(url)
    try:
        with Session(engine) as session, session.begin():
            yield session
    except DBAPIError as error:
        raise StoreAwayError("the database can't be asked") from error
    finally:
        engine.dispose()


@contextmanager
def current_session() -> Iterator[Session]:
    """Yield a session on the database of the settings, if its schema is what we need.

    Raises:
        SetupError: there is no database, or its schema is behind.
        StoreAwayError: it can't be asked.

    """
    with session_on(current_url(Settings.from_environ())) as session:
        yield session


@contextmanager
def reading_session(url: str) -> Iterator[Session]:
    """Yield a session that only reads, all of it as it is at one moment.

    Raises:
        StoreAwayError: the database can't be asked, or a query took too long.

    """
    engine = make_engine(url)
    try:
        with reading(engine) as session:
            yield session
    finally:
        engine.dispose()


def current_url(settings: Settings) -> str:
    """Return where the database is that the settings name, if its schema is what we need.

    Raises:
        SetupError: there is no database, or its schema is behind.
        StoreAwayError: it can't be asked.

    """
    url = database_url(settings)
    check(url)
    schema.require_current(url)
    return url


def check(url: str) -> None:
    """Make sure that the database answers, and keeps what it commits.

    Raises:
        StoreAwayError: it doesn't answer; the sentence says why.
        SetupError: it would lose commits.

    """
    fitness.check(url, check_durable)


def bring_up_to_date(url: str) -> int:
    """Migrate, and make the partitions that will soon be needed; return how many."""
    check(url)
    schema.upgrade(url)
    with connect(url) as connection:
        return partitions.ensure(connection, today=datetime.now(UTC).date())
