"""Connections to Postgres, each with the settings that our promises rest on."""

import contextlib
import os
import socket
import threading
from typing import Any

import psycopg
from psycopg import conninfo
from sqlalchemy import Engine, create_engine, event

from receiver.domain.errors import SetupError, StoreAwayError

CONNECT_TIMEOUT_SECONDS = 3
#: Of what we send and of what is kept: every other database lacks some of what customers write.
ENCODING = "UTF8"

#: Run on every new connection. 200 means durable, so a server that says otherwise is overruled,
#: also where it says so later: what a session sets for itself no reload of the server changes.
_SESSION = """
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
SET timezone = 'UTC';
SET statement_timeout = '{statement_ms}ms';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '10s';
"""
#: The apply joins some hundred rows to tables of any size by their keys. Whatever the statistics
#: of a fresh or a fast growing table say, a scan of the whole is never right. And one plan does for
#: every batch: where Postgres chooses, it plans each anew once a table has statistics, which is a
#: fifth of the work.
_BY_KEY = """
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
"""
#: Behind a pooler the next transaction may be another session's: there the default counts, too.
_DURABLE = """
SELECT name FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
   AND (setting IN ('off', 'local')
        OR pg_backend_pid() <> %s AND reset_val IN ('off', 'local'))
"""


def libpq_url(url: str) -> str:
    """Return `url` as libpq takes it: without a SQLAlchemy driver's name."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql://{rest}" if separator and scheme.startswith("postgres") else url


def sqlalchemy_url(url: str) -> str:
    """Return `url` as SQLAlchemy takes it; `postgres://` is accepted too."""
    return libpq_url(url).replace("postgresql://", "postgresql+psycopg://", 1)


class Deadline:
    """Cuts a connection whose server has stopped answering, so that its user gets an error.

    No timeout of the server's helps against a server that is paused, or a path that is silent.
    """

    def __init__(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        self._connection = connection
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:  # from here on the file descriptor may be another connection's
            self._over = True

    def _cut(self) -> None:
        with self._lock, contextlib.suppress(OSError, psycopg.Error):
            if not self._over:
                cut(self._connection)


def cut(connection: psycopg.Connection[Any]) -> None:
    """End the line to the server; whoever waits for an answer gets an error. Raises OSError."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def connect(url: str, *, statement_seconds: float = 10) -> psycopg.Connection[Any]:
    """Open one autocommit connection for writing, planned to work by key.

    Raises StoreAwayError when the server can't be reached.
    """
    connection = None
    try:
        connection = psycopg.connect(
            libpq_url(url),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            client_encoding=ENCODING,
        )
        with Deadline(connection, CONNECT_TIMEOUT_SECONDS):
            _prepare(connection, statement_seconds)
            connection.execute(_BY_KEY)
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        raise StoreAwayError(f"the database can't be reached: {_reason(error)}") from error
    return connection


def make_engine(url: str, *, pool_size: int = 5, statement_seconds: float = 10) -> Engine:
    """Return an engine for reading and for administration, with at most 2 x `pool_size` in use."""
    engine = create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=3,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "client_encoding": ENCODING,
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: psycopg.Connection[Any], _: object) -> None:
        connection.autocommit = True
        _prepare(connection, statement_seconds)
        connection.autocommit = False

    return engine


def _prepare(connection: psycopg.Connection[Any], statement_seconds: float) -> None:
    connection.execute(_SESSION.format(statement_ms=int(statement_seconds * 1000)).encode())


def check_durable(connection: psycopg.Connection[Any]) -> None:
    """Raise SetupError unless what this server commits survives a crash, letter by letter."""
    loose = [name for (name,) in connection.execute(_DURABLE, [connection.info.backend_pid])]
    if loose:
        names = ", ".join(sorted(loose))
        raise SetupError(f"the database would lose what it commits: turn on {names}")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        raise SetupError(f"the database keeps texts as {encoding}: make one with UTF8")


def _reason(error: psycopg.Error) -> str:
    """Return why, in one line without the password that a connection string may carry."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def describe(url: str) -> str:
    """Return where `url` points to, without user and password."""
    try:
        parts = conninfo.conninfo_to_dict(libpq_url(url))
    except psycopg.ProgrammingError:
        return "an unreadable URL"
    return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"
