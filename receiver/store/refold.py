"""Folding families anew from all their facts: what replay, a new status table and any doubt use."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import psycopg
from psycopg.rows import dict_row

from receiver.domain.facts import Fact
from receiver.domain.identity import base_of
from receiver.domain.ledger import fold
from receiver.domain.sends import send_id
from receiver.store import rows, statements
from receiver.store.recordsets import select_without_raw
from receiver.store.tables import ReceiptRow, RecordingRow

#: A family is named by its domain and base uuid.
FamilyKey = tuple[str, str]
_RECEIPTS = select_without_raw(ReceiptRow, "transid = ANY(%s) AND day BETWEEN %s AND %s")
_RECORDINGS = select_without_raw(
    RecordingRow, "(domain, transid) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
#: Likewise with the raw bodies.
_WHOLE_RECEIPTS = "SELECT * FROM receipts WHERE transid = ANY(%s) AND day BETWEEN %s AND %s"
_WHOLE_RECORDINGS = (
    "SELECT * FROM recordings"
    " WHERE (domain, transid) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
)

#: Only a plan for the days in question leaves the other partitions alone.
_FOR_THESE_DAYS = "SET LOCAL plan_cache_mode = force_custom_plan"


def refold(connection: psycopg.Connection[Any], families: Collection[FamilyKey]) -> None:
    """Fold the facts of `families` anew, in one transaction of its own, and keep what comes out.

    The families stay locked meanwhile; what is kept is the same as what applying their facts
    in any order leaves. Raises psycopg.Error.
    """
    with connection.transaction():
        lock(connection, families)
        fold_locked(connection, families)


def lock(connection: psycopg.Connection[Any], families: Collection[FamilyKey]) -> None:
    """Lock families, in key order, until the end of the transaction."""
    connection.execute(statements.LOCK_FAMILIES, {"families": family_rows(families)})


def present(connection: psycopg.Connection[Any], families: Collection[FamilyKey]) -> set[FamilyKey]:
    """Return those of the families that are in the ledger."""
    asked = {"families": family_rows(families)}
    return {(domain, base) for domain, base in connection.execute(statements.PRESENT, asked)}


def family_rows(families: Iterable[FamilyKey]) -> str:
    """Return families as the JSON array that the statements take."""
    return rows.dumps(
        {"id": send_id(domain, base), "domain": domain, "base": base}
        for domain, base in sorted(families)
    )


def fold_locked(connection: psycopg.Connection[Any], families: Collection[FamilyKey]) -> None:
    """Fold families whose locks are held."""
    facts, seqs = load(connection, families)
    folded = {(domain, base): fold(base, facts[domain, base]) for domain, base in families}
    sends = [
        rows.send_row(domain, transid, folded[domain, base_of(transid)]) for domain, transid in seqs
    ]
    deliveries = [
        rows.delivery_row(each, seqs[each.domain, each.transid])
        for family in folded.values()
        for each in family.deliveries.values()
    ]
    parameters = {
        "sends": rows.dumps(sends),
        "deliveries": rows.dumps(deliveries),
        "families": family_rows(families),
    }
    with connection.pipeline():
        connection.execute(statements.WRITE_SENDS, parameters)
        connection.execute(statements.DROP_DELIVERIES, parameters)
        connection.execute(statements.WRITE_DELIVERIES, parameters)


def load(
    connection: psycopg.Connection[Any],
    families: Collection[FamilyKey],
    *,
    whole: bool = False,
) -> tuple[dict[FamilyKey, list[Fact]], dict[tuple[str, str], int]]:
    """Return the facts of families, and the `seq` of each send by its domain and transid.

    Only `whole` facts have their raw bodies. In a transaction.
    """
    recordings, receipts = (
        (_WHOLE_RECORDINGS, _WHOLE_RECEIPTS) if whole else (_RECORDINGS, _RECEIPTS)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_FOR_THESE_DAYS)
        parameters = {"families": family_rows(families)}
        sends = cursor.execute(statements.FAMILY_SENDS, parameters).fetchall()
        seqs = {(s["domain"], s["transid"]): s["seq"] for s in sends}
        facts: dict[FamilyKey, list[Fact]] = defaultdict(list)
        keys = [list(column) for column in zip(*seqs, strict=True)]
        for row in cursor.execute(recordings, keys) if keys else ():
            facts[row["domain"], base_of(row["transid"])].append(rows.recording_fact(row))
        days = [day for s in sends for day in (s["first_day"], s["last_day"]) if day]
        reported = [s["transid"] for s in sends if s["first_day"]]
        for row in cursor.execute(receipts, [reported, min(days), max(days)]) if days else ():
            if (row["domain"], row["transid"]) in seqs:  # another domain can know the same transid
                facts[row["domain"], base_of(row["transid"])].append(rows.receipt_fact(row))
    return facts, seqs
