"""What the ledger made of the receipts that were sent."""

from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from tests.faults.receipts import rank_of

#: Copies in two days are one receipt: a retry that crosses midnight is stored on both.
_KEPT = """
SELECT transid, count(*), min(rank),
       (SELECT count(DISTINCT digest) FROM receipts r WHERE r.transid = d.transid),
       (SELECT count(*) - count(DISTINCT day) FROM receipts r WHERE r.transid = d.transid),
       (SELECT count(*) FROM sends s WHERE s.transid = d.transid AND s.reported)
  FROM deliveries d WHERE transid = ANY(%s) GROUP BY transid
"""


@dataclass(frozen=True)
class Account:
    """Transids that the ledger holds, and those of them that it holds otherwise than once."""

    stored: frozenset[str]
    wrong: frozenset[str]


def account_of(url: str, transids: Collection[str]) -> Account:
    """Return what became of the receipts of `transids`."""
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_seqscan = off")
        kept = connection.execute(_KEPT, [list(transids)]).fetchall()
    right = {transid for transid, *found in kept if found == [1, rank_of(transid), 1, 0, 1]}
    stored = {transid for transid, *_ in kept}
    return Account(frozenset(stored), frozenset(stored - right))
