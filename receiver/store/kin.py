"""What is erased with a person's facts, though it was accepted later: what belongs to them.

A receipt that comes late for a send whose recipient is erased would make the recipient two; the
platform's repetition of a message would bring back what was erased. So both are erased too, by
whichever of them is applied last.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from receiver.domain.erasure import Erasure
from receiver.domain.facts import Fact, Notice, Receipt
from receiver.domain.identity import base_of, destination_key, transid_of
from receiver.domain.persons import ERASED, Finder
from receiver.store import erasing, refold, rows, statements
from receiver.store.batch import Batch
from receiver.store.erasures import Cleared

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_WHENEVER: Final = datetime.max.replace(tzinfo=UTC)
_WITH_ERASED: Final = f"""
    SELECT DISTINCT s.domain, s.base FROM ({statements.FAMILY_SENDS}) s
      JOIN deliveries d ON d.send_seq = s.seq
     WHERE position('{ERASED}' IN d.destination_key) > 0
    """
_COPIES: Final = """
    SELECT sender_key, digest, day FROM {table}
     WHERE sender_key = ANY(%s) AND digest = %s AND day BETWEEN %s AND %s
    """


def settle(connection: psycopg.Connection[Any], cleared: Cleared, batch: Batch) -> None:
    """Erase what belongs to erased facts, in the transaction that has just applied a batch.

    Raises psycopg.Error.
    """
    domains = {fact.domain for fact in cleared.related}
    recorded = {key for key in batch.recorded_families if key[0] in domains}
    for family in _with_erased(connection, recorded | set(_reported(cleared.related))):
        theirs = Erasure(cleared.known.finder(family[0]), _BEFORE_ALL)
        erasing.erase_families(connection, [family], theirs)
    for fact in cleared.related:
        if isinstance(fact.body, Notice):
            _settle_copies(connection, fact, fact.body, cleared.known.finder(fact.domain))


def _reported(facts: Iterable[Fact]) -> Iterator[refold.FamilyKey]:
    for fact in facts:
        if isinstance(fact.body, Receipt):
            yield fact.domain, base_of(transid_of(fact.body.transid))


def _with_erased(
    connection: psycopg.Connection[Any], families: Collection[refold.FamilyKey]
) -> Collection[refold.FamilyKey]:
    """Return those of the families from which somebody is erased."""
    if not families:
        return ()
    asked = {"families": refold.family_rows(families)}
    return connection.execute(_WITH_ERASED, asked).fetchall()


def _settle_copies(
    connection: psycopg.Connection[Any], fact: Fact, notice: Notice, find: Finder
) -> None:
    """Erase the copies of a notice, around its day, of which one is erased."""
    table = Batch.table_of(fact)
    came, kept = destination_key(notice.sender), destination_key(find.scrub(notice.sender))
    day = timedelta(days=1)
    around = rows.day_of(fact) - day, rows.day_of(fact) + day
    query = _COPIES.format(table=table).encode()
    copies = connection.execute(query, [[came, kept], fact.digest, *around]).fetchall()
    if any(sender_key == kept for sender_key, *_ in copies):
        theirs = [copy for copy in copies if copy[0] == came]
        erasing.erase_rows(connection, table, theirs, Erasure(find, _WHENEVER))
