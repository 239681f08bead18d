"""Writing what is left of facts in the place of what they were, and folding their families anew.

Locks are taken as the apply takes them: families first, then facts, then deliveries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Table

from receiver.domain.erasure import Erasure
from receiver.domain.facts import Fact, Notice, Quarantined, Receipt, Send
from receiver.domain.identity import base_of, destination_key
from receiver.domain.ledger import fold
from receiver.domain.persons import Finder
from receiver.domain.sends import send_id, stored_transid
from receiver.store import past, refold, rows, statements
from receiver.store.batch import Batch
from receiver.store.tables import (
    MessageRow,
    PlatformEventRow,
    QuarantineRow,
    ReceiptRow,
    RecordingRow,
    table_of,
)

#: Of a notice or of what is in quarantine: its sender's key, none in quarantine; digest and day.
#: Of a receipt its transid is in the place of the sender's key.
FactKey = tuple[str | None, bytes, date]
_TABLES: Final = {
    table_of(row).name: table_of(row)
    for row in (ReceiptRow, RecordingRow, MessageRow, PlatformEventRow, QuarantineRow)
}
_FACT_OF: Final[Mapping[str, Callable[[Mapping[str, Any]], Fact]]] = {
    "receipts": rows.receipt_fact,
    "messages": rows.notice_fact,
    "platform_events": rows.notice_fact,
    "quarantine": rows.quarantine_fact,
}
_STAMPS: Final = ("accepted_at", "id", "domain", "point_id", "source", "registration", "raw")
#: A row as it is to be, and the sender's key that it had, where it may have another now.
_ROWS: Final = """(SELECT f.*, each ->> 'was' AS was FROM jsonb_array_elements(%(rows)s::jsonb) each
    CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, each) f)"""


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _same(table: Table, *, before: bool) -> str:
    own = {"sender_key": "was"} if before else {}
    return " AND ".join(f"t.{name} = f.{own.get(name, name)}" for name in _key(table))


def _update(table: Table) -> str:
    """(%(rows)s) Return the UPDATE that writes rows; of a recorded send the transid stays."""
    kept = {"body": "f.body || jsonb_build_object('transid', t.body -> 'transid')", "raw": "''"}
    names = [c.name for c in table.columns if c.name not in (*_STAMPS, *_key(table))]
    names += ["raw", *(["sender_key"] if "sender_key" in table.columns else [])]
    assigned = ", ".join(f"{name} = {kept.get(name, f'f.{name}')}" for name in names)
    source = _ROWS.format(table=table.name)
    return f"UPDATE {table.name} t SET {assigned} FROM {source} f WHERE {_same(table, before=True)}"


def _drop_copies(table: Table) -> str:
    """(%(rows)s) Return the DELETE of rows of which there is an erased copy on the same day."""
    source = _ROWS.format(table=table.name)
    return f"""
        DELETE FROM {table.name} t USING {source} f
         WHERE {_same(table, before=True)} AND f.was <> f.sender_key
           AND EXISTS (SELECT FROM {table.name} c WHERE c.sender_key = f.sender_key
                          AND c.digest = f.digest AND c.day = f.day)
        """


def _select(table: Table) -> str:
    """(%(keys)s) Return the SELECT of rows by their keys, which locks them."""
    same = " AND ".join(f"t.{name} = k.{name}" for name in _key(table))
    keys = f"jsonb_populate_recordset(NULL::{table.name}, %(keys)s::jsonb)"
    return f"SELECT t.* FROM {keys} k JOIN {table.name} t ON {same} ORDER BY t.id FOR UPDATE OF t"


def _drop_mentions(table: Table) -> str:
    """(%(rows)s) Return the DELETE of what rows named before."""
    source = _ROWS.format(table=table.name)
    return f"""
        DELETE FROM mentions m USING {source} f, {table.name} t
         WHERE {_same(table, before=True)} AND m.place = '{table.name}' AND m.domain = t.domain
           AND m.name IN (t.quoted, t.transid, t.correlationid)
           AND (m.sender_key, m.digest, m.day) = (t.sender_key, t.digest, t.day)
        """


#: (%(keys)s) Receipts that no send of the ledger is made of: its family is past.
_STRAYS: Final = """
    SELECT t.* FROM jsonb_to_recordset(%(keys)s::jsonb)
                    AS k(send_id uuid, transid text COLLATE "C", digest bytea, day date)
      JOIN receipts t ON t.transid = k.transid AND t.digest = k.digest AND t.day = k.day
     WHERE NOT EXISTS (SELECT FROM sends s
                        WHERE s.id = k.send_id AND t.day BETWEEN s.first_day AND s.last_day)
     ORDER BY t.id FOR UPDATE OF t
    """
_NOTICES: Final = ("messages", "platform_events")
_SELECT: Final = {name: _select(_TABLES[name]) for name in _FACT_OF if name != "receipts"}
_WRITE: Final[Mapping[str, Sequence[str]]] = {
    name: (_update(table),)
    if name not in _NOTICES
    else (
        _drop_mentions(table),
        _drop_copies(table),
        _update(table),
        statements.mention(table, f"({_ROWS.format(table=name)})"),
    )
    for name, table in _TABLES.items()
}


#: (%(rows)s) Let deliveries be known by pseudonyms: they keep their place, and what the sweeper
#: said of them. One whose pseudonym has a delivery already is folded with it.
_RENAME: Final = """
    UPDATE deliveries d SET destination_key = f.now
      FROM jsonb_to_recordset(%(rows)s::jsonb) f(send_seq bigint, was text, now text)
     WHERE d.send_seq = f.send_seq AND d.destination_key = f.was
    """


def erase_families(
    connection: psycopg.Connection[Any],
    families: Collection[refold.FamilyKey],
    erasure: Erasure,
    *,
    write: bool = True,
) -> Counter[str]:
    """Erase from all facts of families, whose locks are held; return how many of what.

    Without `write` only count.
    """
    known, seqs = refold.load(connection, families, whole=True)
    changed: dict[str, list[rows.Row]] = defaultdict(list)
    renamed: list[rows.Row] = []
    for (domain, base), facts in known.items():
        clean = erasure.of_family(facts)
        pairs = [pair for pair in zip(clean, facts, strict=True) if pair[0] is not pair[1]]
        for now, was in pairs:
            changed[Batch.table_of(now)].append(_row(now, was))
        for (transid, key), had in _renamed(base, facts, clean, erasure.find) if pairs else ():
            renamed.append({"send_seq": seqs[domain, transid], "was": had, "now": key})
    if write and changed:
        for table in sorted(changed, reverse=True):
            _write(connection, table, changed[table])
        connection.execute(_RENAME, {"rows": rows.dumps(renamed)})
        refold.fold_locked(connection, families)
    counts = Counter({table: len(found) for table, found in changed.items()})
    return counts + Counter(deliveries=len(renamed))


def _renamed(
    base: str, facts: Sequence[Fact], clean: Sequence[Fact], find: Finder
) -> Collection[tuple[tuple[str, str], str]]:
    """Return the transids and keys of deliveries that have a pseudonym now, with what they had."""
    before, now = fold(base, facts).deliveries, fold(base, clean).deliveries
    named = {(transid, find.scrub(key)): key for transid, key in before}
    return [(key, was) for key, was in named.items() if key in now and key not in before]


def erase_rows(
    connection: psycopg.Connection[Any],
    table: str,
    keys: Collection[FactKey],
    erasure: Erasure,
    *,
    write: bool = True,
) -> Counter[str]:
    """Erase from notices or from what is in quarantine, by their keys; return how many."""
    named = [
        {"sender_key": sender_key, "digest": f"\\x{digest.hex()}", "day": day}
        for sender_key, digest, day in keys
    ]
    return _erase(connection, table, _SELECT[table], named, erasure, write=write)


def erase_strays(
    connection: psycopg.Connection[Any],
    domain: str,
    keys: Collection[FactKey],
    erasure: Erasure,
    *,
    write: bool = True,
) -> Counter[str]:
    """Erase from those of some receipts that no send of the ledger is made of; return how many.

    Whoever begins their families anew meanwhile waits, and finds them erased.
    """
    families = {(domain, base_of(str(transid))) for transid, *_ in keys}
    connection.execute(past.HOLD, {"families": refold.family_rows(families)})
    named = [
        {"send_id": send_id(domain, str(transid)), "transid": transid}
        | {"digest": f"\\x{digest.hex()}", "day": day}
        for transid, digest, day in keys
    ]
    return _erase(connection, "receipts", _STRAYS, named, erasure, write=write)


def _erase(
    connection: psycopg.Connection[Any],
    table: str,
    select: str,
    keys: Sequence[rows.Row],
    erasure: Erasure,
    *,
    write: bool,
) -> Counter[str]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(select, {"keys": rows.dumps(keys)}).fetchall()
    facts = [_FACT_OF[table](row) for row in found]
    pairs = [(erasure.of(fact), fact) for fact in facts]
    changed = [_row(now, was) for now, was in pairs if now is not was]
    if write and changed:
        _write(connection, table, changed)
    return Counter({table: len(changed)})


def _row(fact: Fact, was: Fact) -> rows.Row:
    match fact.body:
        case Receipt() as body:
            return rows.receipt_row(fact, body)
        case Send() as body:
            return rows.recording_row(fact, body, stored_transid(body))
        case Quarantined() as body:
            return rows.quarantine_row(fact, body)
        case Notice() as body:
            before = destination_key(was.body.sender) if isinstance(was.body, Notice) else ""
            return rows.notice_row(fact, body) | {"was": before}


def _write(connection: psycopg.Connection[Any], table: str, changed: Sequence[rows.Row]) -> None:
    parameters = {"rows": rows.dumps(changed)}
    for statement in _WRITE[table]:
        connection.execute(statement, parameters)
