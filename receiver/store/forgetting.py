"""Erasing a person from all that is kept, in transactions of few facts each.

Whatever interrupts it leaves every family either as it was or erased; doing it again goes on.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors

from receiver.domain.erasure import Erasure
from receiver.store import erasing, refold, stats
from receiver.store.database import connect
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
    seen: set[refold.FamilyKey] = set()
    for found in search.walk():
        new = [family for family in found.families if family not in seen]
        seen.update(new)
        rows = (
            partial(erasing.erase_strays, domain=search.domain)  # what no family has any more
            if found.table == "receipts"
            else partial(erasing.erase_rows, table=found.table)
        )
        for keys in _chunks(found.rows, ROWS_AT_ONCE):
            erase = partial(rows, keys=keys, erasure=erasure, write=write)
            counts += _transact(connection, erase)
        for families in _chunks(new, FAMILIES_AT_ONCE):
            counts += _transact(connection, partial(_families, families, erasure, write))
        yield found
    if write:
        stats.rename(
            connection,
            domain=search.domain,
            pattern=pattern_of(search.person),
            renamed=erasure.find.scrub,
        )


def _families(
    families: Collection[refold.FamilyKey],
    erasure: Erasure,
    write: bool,  # noqa: FBT001
    connection: psycopg.Connection[Any],
) -> Counter[str]:
    if write:
        refold.lock(connection, families)
    return erasing.erase_families(connection, families, erasure, write=write)


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
