"""Whether a server may be trusted with facts: it keeps what it commits, and has our tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors

from receiver.domain.errors import SetupError, StoreAwayError
from receiver.store.database import CONNECT_TIMEOUT_SECONDS, Deadline, check_durable, connect

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
#: The schema that this code was written for. Found out when the process starts: while it runs,
#: the files may already be those of the next version.
REQUIRED: Final = max(
    (file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")),
    default="",
)


def check_current(connection: psycopg.Connection[Any]) -> None:
    """Raise SetupError unless the schema is what this code was written for, or newer."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except errors.UndefinedTable:
        row = None
    if row is None:
        raise SetupError("the database has no tables yet: run `receiver migrate`")
    if row[0] < REQUIRED:  # they are numbered, with zeros in front
        raise SetupError("the schema is behind the code: run `receiver migrate`")


def check(url: str, *checks: Callable[[psycopg.Connection[Any]], None]) -> None:
    """Run some of our checks. Raises SetupError as they do, StoreAwayError where nobody answers."""
    with _asking(connect(url)) as connection:
        for each in checks:
            each(connection)
    connection.close()


def connect_for_facts(url: str) -> psycopg.Connection[Any]:
    """Open one connection for writing, to a server that may be trusted with facts.

    Raises StoreAwayError for any other: facts wait for a better one, as they do for none.
    """
    connection = connect(url)
    try:
        with _asking(connection):
            check_durable(connection)
            check_current(connection)
    except SetupError as error:
        raise StoreAwayError(str(error)) from error
    return connection


@contextmanager
def _asking(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Bound what a block waits for answers, and close the connection if it fails."""
    try:
        with Deadline(connection, CONNECT_TIMEOUT_SECONDS):
            yield connection
    except psycopg.Error as error:
        connection.close()
        raise StoreAwayError(f"the database can't be asked ({error.sqlstate})") from error
    except SetupError:
        connection.close()
        raise
