"""Several statements, one round trip: what the apply sends, without a cursor for each.

A statement is prepared on a connection at its first use. Under gevent only the socket is waited
for, and the event loop goes on.
"""

import re
import select
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, pq

Column = TypeVar("Column")
#: A statement with named parameters, and their values: text, or bytes for a bytea.
Asked = tuple[str, Mapping[str, str | bytes]]
#: The rows of one statement, as text; None is NULL.
Rows = Sequence[tuple[str | None, ...]]

_PARAMETER = re.compile(r"%\((\w+)\)[sb]")
_FINE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_PREPARED: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


def roundtrip(connection: psycopg.Connection[Any], asked: Sequence[Asked]) -> Sequence[Rows]:
    """Send statements together, and return the rows of each.

    What they do is one transaction with whatever BEGIN and COMMIT among them say. Raises
    psycopg.Error for the first that fails; the transaction that it stood in has failed then.
    """
    pgconn = connection.pgconn
    known = _PREPARED.setdefault(connection, set())
    pgconn.enter_pipeline_mode()
    try:
        sent = set(known)
        preparing = [_send(pgconn, sent, *each) for each in asked]
        pgconn.pipeline_sync()
        _flush(pgconn)
        return _answers(pgconn, known, preparing)
    finally:
        if pgconn.status == pq.ConnStatus.OK:
            pgconn.exit_pipeline_mode()


def _send(
    pgconn: pq.abc.PGconn, sent: set[bytes], statement: str, given: Mapping[str, str | bytes]
) -> bytes:
    """Queue one statement; return its name if it had to be prepared first, else nothing."""
    query, names = _spelled(statement)
    name = b"apply_%x" % (hash(query) & 0xFFFFFFFFFFFFFFFF)
    values = [given[each] for each in names]
    new = name not in sent
    if new:
        pgconn.send_prepare(name, query)
        sent.add(name)
    pgconn.send_query_prepared(
        name,
        [value.encode() if isinstance(value, str) else value for value in values],
        [pq.Format.TEXT if isinstance(value, str) else pq.Format.BINARY for value in values],
    )
    return name if new else b""


@lru_cache
def _spelled(statement: str) -> tuple[bytes, Sequence[str]]:
    """Return a statement with numbers for parameters, and their names in that order."""
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    return numbered.encode(), names


def _flush(pgconn: pq.abc.PGconn) -> None:
    """Send what is queued; a server that answers meanwhile must not be kept from it."""
    while pgconn.flush():
        if _wait(pgconn, select.POLLIN | select.POLLOUT) & ~select.POLLOUT:
            pgconn.consume_input()


def _answers(
    pgconn: pq.abc.PGconn, known: set[bytes], preparing: Sequence[bytes]
) -> Sequence[Rows]:
    """Read everything up to the sync, whatever fails: the connection goes on being usable."""
    answers: list[Rows] = []
    failed: pq.abc.PGresult | None = None
    for name in preparing:
        for prepares in (True, False) if name else (False,):
            result = _result(pgconn)
            if result.status not in _FINE:
                failed = failed or result
            elif prepares:
                known.add(name)
            else:
                answers.append(_rows(result))
    while _next(pgconn).status != pq.ExecStatus.PIPELINE_SYNC:
        pass
    if failed is not None:
        error = errors.error_from_result(failed)
        if isinstance(error, errors.InvalidSqlStatementName):
            known.clear()  # DEALLOCATE ALL, or a pooler that gave us another server
        raise error
    return answers


def _result(pgconn: pq.abc.PGconn) -> pq.abc.PGresult:
    """Return the result of one statement, of which there is one, and then the end."""
    result = _next(pgconn)
    _ready(pgconn)
    pgconn.get_result()
    return result


def _next(pgconn: pq.abc.PGconn) -> pq.abc.PGresult:
    _ready(pgconn)
    result = pgconn.get_result()
    if result is None:
        raise psycopg.OperationalError("the server's answer has no end")
    return result


def _ready(pgconn: pq.abc.PGconn) -> None:
    while pgconn.is_busy():
        _wait(pgconn, select.POLLIN)
        pgconn.consume_input()


def _wait(pgconn: pq.abc.PGconn, events: int) -> int:
    """Return what the socket is ready for; `select.select` knows no descriptor past 1023."""
    poll = select.poll()
    poll.register(pgconn.socket, events)
    return sum(ready for _, ready in poll.poll())


def _rows(result: pq.abc.PGresult) -> Rows:
    columns = range(result.nfields)
    return [
        tuple(_text(result.get_value(row, column)) for column in columns)
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
