"""Whether what COPY wrote is what the real code writes: tried on a sample."""

import random
from collections.abc import Sequence
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from bench.growth.histories import DOMAIN, STAGES, Histories, transid_of
from bench.growth.patterns import EVERYTHING, fact_of
from receiver.domain.identity import base_of
from receiver.domain.sends import send_id
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.refold import refold

SAMPLE: Final = 200
#: A sample is looked for in every day there is, and nothing of a ledger of millions is in memory.
STATEMENT_SECONDS: Final = 600


#: By table, by what its index finds the rows of some sends.
_OF_SENDS: Final[dict[str, LiteralString]] = {
    "sends": "id = ANY(%(ids)s)",
    "deliveries": "send_seq IN (SELECT seq FROM sends WHERE id = ANY(%(ids)s))",
    "receipts": "transid = ANY(%(transids)s)",
}


class UnlikeError(Exception):
    """Rows that were copied are not what the code makes of the same receipts."""


def check(url: str, histories: Histories) -> int:
    """Compare the rows of a sample with what folding and applying makes of them.

    Returns how many histories that were. Raises UnlikeError.
    """
    deliveries = histories.plan.deliveries
    sample = random.Random(deliveries)  # noqa: S311
    numbers = sorted(sample.sample(range(deliveries), min(SAMPLE, deliveries)))
    transids = [transid_of(number) for number in numbers]
    with connect(url, statement_seconds=STATEMENT_SECONDS) as connection:
        copied = _rows(connection, transids)
        refold(connection, [(DOMAIN, base_of(transid)) for transid in transids])
        if _rows(connection, transids) != copied:
            raise UnlikeError("folded anew, the ledger is another one than was copied")
        if _applied(connection, histories, numbers) != copied:
            raise UnlikeError("applied, the receipts leave other rows than were copied")
    return len(numbers)


def _applied(
    connection: psycopg.Connection[Any], histories: Histories, numbers: Sequence[int]
) -> Sequence[Any]:
    """Return the rows that the same receipts leave when they come in. Nothing of it is kept."""
    found = list(histories.of(numbers, EVERYTHING))
    transids = [values["transid"] for values in found]
    with connection.transaction(force_rollback=True):
        for table in reversed(_OF_SENDS):  # deliveries before their sends
            connection.execute(_on("DELETE FROM {} WHERE {}", table), _names(transids))
        apply(connection, [fact_of(histories, each, stage) for each in found for stage in STAGES])
        return _rows(connection, transids)


def _rows(connection: psycopg.Connection[Any], transids: Sequence[str]) -> Sequence[Any]:
    """Return what the tables hold of some sends, but for when rows came, and in which order."""
    query = (
        "SELECT to_jsonb(t) - 'seq' - 'send_seq' - 'known_at' AS row FROM {} t WHERE {} ORDER BY 1"
    )
    names = _names(transids)
    return [connection.execute(_on(query, table), names).fetchall() for table in _OF_SENDS]


def _on(statement: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table), sql.SQL(_OF_SENDS[table]))


def _names(transids: Sequence[str]) -> dict[str, Any]:
    ids = [send_id(DOMAIN, transid) for transid in transids]
    return {"transids": list(transids), "ids": ids}
