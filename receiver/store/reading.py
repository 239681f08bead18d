"""Sessions that only read."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session whose queries all see one moment.

    Raises: StoreAwayError where Postgres can't be reached, is too slow, or the pool is empty.
    """
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with asking(), Session(snapshot) as session:
        yield session


@contextmanager
def asking() -> Iterator[None]:
    """Let what says that Postgres can't be asked be a StoreAwayError."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise StoreAwayError("the database can't be asked") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreAwayError("the database went away") from error
        raise
