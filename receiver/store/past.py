"""Families that have left the ledger: a receipt alone brings none back, a recorded send does.

What is recorded of one that is remembered as past begins it anew, with all receipts that are still
kept, so that it doesn't matter which of them came before the recording.
"""

from collections.abc import Collection
from typing import Any, Final

import psycopg

from receiver.domain.identity import base_of
from receiver.domain.sends import ReportedSend
from receiver.store import rows

#: Of the sends `f` that are to be opened, domain and base of the families that are past: those
#: that are remembered so, and are not there. Whoever begins one anew waits for who found it past,
#: and the other way round.
AMONG_OPENED: Final = """
    SELECT f.domain, f.base FROM f CROSS JOIN LATERAL (
        SELECT p.id FROM past_families p
         WHERE p.id = f.id AND NOT EXISTS (SELECT FROM sends s WHERE s.id = p.id)
           FOR SHARE OF p) past
     WHERE f.base = f.transid AND f.recorded IS NOT TRUE
    """
#: (%(families)s) Families, by the id and the transid of their base.
FAMILIES: Final = (
    "jsonb_to_recordset(%(families)s::jsonb)"
    ' AS f(id uuid, domain text COLLATE "C", base text COLLATE "C")'
)
#: (%(families)s) Forget that families are past; return domain and base of those that were.
FORGET: Final = (
    f"DELETE FROM past_families p USING {FAMILIES} WHERE p.id = f.id RETURNING f.domain, f.base"
)
#: (%(families)s) Let nobody begin families anew, or find them past, for as long as this lasts.
HOLD: Final = f"""
    SELECT FROM past_families p JOIN {FAMILIES} USING (id) ORDER BY p.id FOR NO KEY UPDATE OF p
    """
_RETAINED: Final = f"""
    SELECT f.domain, r.transid, min(r.day), max(r.day)
      FROM {FAMILIES} CROSS JOIN LATERAL (
           SELECT transid, day FROM receipts WHERE domain = f.domain AND transid = f.base
           UNION ALL
           SELECT transid, day FROM receipts
            WHERE domain = f.domain AND transid > f.base || '_' AND transid < f.base || '`') r
     GROUP BY f.domain, r.transid
    """


def reported_rows(
    connection: psycopg.Connection[Any], families: Collection[tuple[str, str]]
) -> list[rows.Row]:
    """Return rows of the sends of which receipts are kept, with nothing but the days of these.

    The families' locks are held.
    """
    named = rows.dumps({"domain": domain, "base": base} for domain, base in families)
    return [
        rows.reported_row(domain, transid, ReportedSend(first_day=first, last_day=last))
        for domain, transid, first, last in connection.execute(_RETAINED, {"families": named})
        if (domain, base_of(transid)) in families
    ]
