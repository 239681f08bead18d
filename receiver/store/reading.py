"""Sessions that only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import errors
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from receiver.domain.errors import SlowQueryError, StoreAwayError

_SLOW: Final = (
    "the query took too long: ask for less time between since and until,"
    " or for a transid, correlationid or destination"
)


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session whose queries all see one moment.

    Raises: StoreAwayError where Postgres can't be reached or the pool is empty, SlowQueryError
    where a query was too slow.
    """
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with asking(), Session(snapshot) as session:
        yield session


@contextmanager
def asking() -> Iterator[None]:
    """Let what says that Postgres can't be asked be a StoreAwayError, or a SlowQueryError."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, errors.QueryCanceled):
            raise SlowQueryError(_SLOW) from error
        raise StoreAwayError("the database can't be asked") from error
    except (InterfaceError, PoolTimeoutError) as error:
        raise StoreAwayError("the database can't be asked") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreAwayError("the database went away") from error
        raise
