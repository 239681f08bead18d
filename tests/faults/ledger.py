"""What the ledger made of the receipts that were sent."""

from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from tests.faults.receipts import rank_of

#: Copies in two days are one receipt: a retry that crosses midnight is stored on both.
_KEPT = """
SELECT transid, d.number, d.rank, r.digests, r.again, s.number
  FROM (SELECT transid, count(*) AS number, min(rank) AS rank
          FROM deliveries WHERE transid = ANY(%s) GROUP BY transid) d
  LEFT JOIN (SELECT transid, count(DISTINCT digest) AS digests,
                    count(*) - count(DISTINCT day) AS again
               FROM receipts GROUP BY transid) r USING (transid)
  LEFT JOIN (SELECT transid, count(*) AS number
               FROM sends WHERE reported GROUP BY transid) s USING (transid)
"""


@dataclass(frozen=True)
class Account:
    """Transids that the ledger holds, and those of them that it holds otherwise than once."""

    stored: frozenset[str]
    wrong: frozenset[str]


def account_of(url: str, transids: Collection[str]) -> Account:
    """Return what became of the receipts of `transids`."""
    with psycopg.connect(url) as connection:
        kept = connection.execute(_KEPT, [list(transids)]).fetchall()
    right = {transid for transid, *found in kept if found == [1, rank_of(transid), 1, 0, 1]}
    stored = {transid for transid, *_ in kept}
    return Account(frozenset(stored), frozenset(stored - right))
