"""Erasing a person from all that is kept, in transactions of few facts each.

Whatever interrupts it leaves every family either as it was or erased; doing it again goes on.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors

from receiver.domain.erasure import Erasure
from receiver.store import erasing, past, refold, stats
from receiver.store.database import connect
from receiver.store.erasing import FactKey
from receiver.store.erasure_search import Found, Search, pattern_of

FAMILIES_AT_ONCE: Final = 10
ROWS_AT_ONCE: Final = 50
RETRIES: Final = 6
_TRANSIENT: Final = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)
#: Reading a day can take as long as it takes.
_READING_SECONDS: Final = 24 * 3600
_READER: Final = "SET enable_seqscan = on; SET idle_in_transaction_session_timeout = 0"

Key = TypeVar("Key")
Transact = Callable[[psycopg.Connection[Any]], Counter[str]]


def connect_reader(url: str) -> psycopg.Connection[Any]:
    """Open the connection of a Search, which reads for longer than others may.

    Raises StoreAwayError.
    """
    connection = connect(url, statement_seconds=_READING_SECONDS)
    connection.execute(_READER)
    return connection


def forget(
    connection: psycopg.Connection[Any],
    search: Search,
    erasure: Erasure,
    counts: Counter[str],
    *,
    write: bool = True,
) -> Iterator[Found]:
    """Erase what a search finds, adding to `counts` how many of what; yield each stretch once done.

    Without `write` only count. Raises psycopg.Error.
    """
    counted: set[refold.FamilyKey] = set()
    for found in search.walk():
        for families in _chunks(list(found.families.items()), FAMILIES_AT_ONCE):
            work = partial(_families, dict(families), erasure, None if write else counted)
            counts += _transact(connection, work)
        for keys in _chunks(found.rows, ROWS_AT_ONCE):
            erase = partial(
                erasing.erase_rows, table=found.table, keys=keys, erasure=erasure, write=write
            )
            counts += _transact(connection, erase)
        yield found
    if write:
        stats.rename(
            connection,
            domain=search.domain,
            pattern=pattern_of(search.person),
            renamed=erasure.find.scrub,
        )


def _families(
    found: Mapping[refold.FamilyKey, Sequence[FactKey]],
    erasure: Erasure,
    counted: set[refold.FamilyKey] | None,
    connection: psycopg.Connection[Any],
) -> Counter[str]:
    """Erase from families, and from those receipts that were found of families that are past.

    With `counted` only count, and each family once.
    """
    families = found.keys() - (counted or set())
    if counted is None:
        connection.execute(past.HOLD, {"families": refold.family_rows(found)})
        refold.lock(connection, found)
    else:
        counted |= families
    write = counted is None
    counts = erasing.erase_families(connection, families, erasure, write=write)
    there = refold.present(connection, found)
    kept = [key for family, keys in found.items() if family not in there for key in keys]
    return counts + erasing.erase_rows(connection, "receipts", kept, erasure, write=write)


def _transact(connection: psycopg.Connection[Any], work: Transact) -> Counter[str]:
    """Work in one transaction, again where only the moment was wrong."""
    for attempt in range(RETRIES):
        try:
            with connection.transaction():
                return work(connection)
        except _TRANSIENT:
            if attempt == RETRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311
    raise AssertionError


def _chunks(found: Sequence[Key], length: int) -> Iterator[Sequence[Key]]:
    for at in range(0, len(found), length):
        yield found[at : at + length]
