"""The statements of the apply, written from the tables and from the rule that `merge` states.

Each takes JSON arrays of rows; nothing of a fact is ever part of the SQL.
"""

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Table

from receiver.domain.deliveries import DECIDED
from receiver.domain.facts import Source
from receiver.domain.status import ARRIVED, MISSED, OPEN, REACHED, UNKNOWN
from receiver.store import past, rows
from receiver.store.recordsets import RAW, key_of, recordset, typed, written
from receiver.store.tables import (
    DeliveryRow,
    MentionRow,
    MessageRow,
    PlatformEventRow,
    QuarantineRow,
    ReceiptRow,
    RecordingRow,
    SendRow,
    table_of,
)

_SENDS: Final = table_of(SendRow)
_DELIVERIES: Final = table_of(DeliveryRow)
_MENTIONS: Final = table_of(MentionRow)


def _insert_new(table: Table, source: str) -> str:
    names = written(table)
    taken = ", ".join(
        "substring(%(raws)b::bytea FROM raw_at FOR raw_length)" if name == "raw" else f"f.{name}"
        for name in names
    )
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {taken} FROM {source}"
        " ON CONFLICT DO NOTHING RETURNING id"
    )


def _insert_in_order(table: Table) -> str:
    source = recordset(table, "rows", alias="f", more=RAW)
    return _insert_new(table, f"{source} ORDER BY {', '.join(key_of(table))}")


def _same(table: Table) -> str:
    return " AND ".join(f"t.{name} = f.{name}" for name in key_of(table))


def _parsed(table: Table) -> list[str]:
    stamps = {*key_of(table), "raw", "accepted_at", "id"}
    return [name for name in written(table) if name not in stamps]


_IS_EARLIER: Final = "(f.accepted_at, f.id) < (t.accepted_at, t.id)"


def _find_known(table: Table) -> str:
    kept, comes = (", ".join(f"{side}.{name}" for name in _parsed(table)) for side in "tf")
    return (
        f"SELECT f.id, t.id, ({kept}) IS DISTINCT FROM ({comes}), {_IS_EARLIER}"
        f" FROM {recordset(table, 'rows', alias='f')} JOIN {table.name} t ON {_same(table)}"
    )


def _replace(table: Table, source: str) -> str:
    taken = ", ".join(f"{name} = f.{name}" for name in ("accepted_at", "id", *_parsed(table)))
    return f"UPDATE {table.name} t SET {taken} FROM {source} WHERE {_same(table)} AND {_IS_EARLIER}"


#: In what a notice can name a send. A correlationid counts where no transid is more precise.
_NAMED_IN: Final = ("quoted", "transid", "correlationid")


def _mentions_of(table: Table, source: str, *, side: str = "") -> str:
    """Return a SELECT of what the notices of `source` name; `side` begins the names' columns."""
    quoted, transid, correlationid = (f"{side}{name}" for name in _NAMED_IN)
    values = (
        f"('quoted', {quoted}), ('transid', {transid}),"
        f" ('correlationid', CASE WHEN {transid} = '' THEN {correlationid} ELSE '' END)"
    )
    own = {"name": "v.name", "how": "v.how", "place": f"'{table.name}'"}
    taken = ", ".join(own.get(name, f"n.{name}") for name in written(_MENTIONS))
    return (
        f"SELECT {taken} FROM {source} n CROSS JOIN LATERAL (VALUES {values}) v(how, name)"
        " WHERE v.name <> ''"
    )


_MENTION: Final = ", ".join(written(_MENTIONS))


def mention(table: Table, source: str) -> str:
    """Return the INSERT of what the notices of `source` name."""
    return f"INSERT INTO mentions ({_MENTION}) {_mentions_of(table, source)} ON CONFLICT DO NOTHING"


def _insert_notices(table: Table) -> str:
    needed = ", ".join(["domain", *key_of(table), *_NAMED_IN])
    return (
        f"WITH kept AS ({_insert_in_order(table)}, {needed}),"
        f" named AS ({mention(table, 'kept')}) SELECT id FROM kept"
    )


def _replace_notices(table: Table) -> str:
    """Return `_replace`, with what the notices name from now on in the place of what they named."""
    source = recordset(table, "rows", alias="f")
    was = ", ".join(f"t.{name} AS was_{name}" for name in _NAMED_IN)
    return f"""
        WITH f AS MATERIALIZED (
            SELECT f.*, {was} FROM {source} JOIN {table.name} t ON {_same(table)}
             WHERE {_IS_EARLIER} FOR UPDATE OF t),
        replaced AS ({_replace(table, "f")} RETURNING f.*),
        dropped AS (
            DELETE FROM mentions WHERE ({_MENTION}) IN (
                {_mentions_of(table, "replaced", side="was_")}
                EXCEPT {_mentions_of(table, "replaced")}))
        {mention(table, "replaced")}
        """


_FACTS: Final = tuple(
    table_of(row) for row in (ReceiptRow, MessageRow, PlatformEventRow, QuarantineRow, RecordingRow)
)
_RECEIPTS: Final = table_of(ReceiptRow)
_NOTICES: Final = (table_of(MessageRow), table_of(PlatformEventRow))
#: By table: (%(rows)s, %(raws)b) -> the ids of the facts that were not known; not for receipts.
INSERT_NEW: Final = {
    table.name: _insert_notices(table) if table in _NOTICES else _insert_in_order(table)
    for table in _FACTS
    if table is not _RECEIPTS
}
#: By table: (%(rows)s) -> of facts that come again their id, the id that is kept, whether they
#: read otherwise now, and whether they were accepted earlier than what is kept.
FIND_KNOWN: Final = {table.name: _find_known(table) for table in _FACTS}
#: By table: (%(rows)s) Keep those in the place of what was accepted later.
REPLACE: Final = {
    table.name: _replace_notices(table)
    if table in _NOTICES
    else _replace(table, recordset(table, "rows", alias="f"))
    for table in _FACTS
}


def _given(name: str) -> str:
    """Return the least text given; an empty one is none."""
    return f"coalesce(least(nullif(k.{name}, ''), nullif(f.{name}, '')), '')"


#: What receipts say of a send, where all facts count: `k` is kept, `f` comes.
_SEND_SUMS: Final = {
    "reported": "k.reported OR f.reported",
    "aliases": """CASE WHEN k.aliases @> f.aliases THEN k.aliases
        ELSE ARRAY(SELECT DISTINCT unnest(k.aliases || f.aliases) ORDER BY 1) END""",
    "reported_point_id": "least(k.reported_point_id, f.reported_point_id)",
    "reported_channel": _given("reported_channel"),
    "reported_correlationid": _given("reported_correlationid"),
    "reported_callback_data": _given("reported_callback_data"),
    "reported_at": "least(k.reported_at, f.reported_at)",
    "first_day": "least(k.first_day, f.first_day)",
    "last_day": "greatest(k.last_day, f.last_day)",
}


def _setting(sets: dict[str, str], *, comes: str) -> tuple[str, str]:
    """Return the assignments, and the condition under which they change anything."""
    named = {name: re.sub(r"\bf\.", f"{comes}.", value) for name, value in sets.items()}
    assigned = ", ".join(f"{name} = {value}" for name, value in named.items())
    before = ", ".join(f"k.{name}" for name in named)
    return assigned, f"({before}) IS DISTINCT FROM ({', '.join(named.values())})"


_REPORTED_COLUMNS: Final = ("domain", "transid", "base", "id", *rows.REPORTED)
_REPORTED: Final = ", ".join(_REPORTED_COLUMNS)
_SUMMED, _SUM_CHANGES = _setting(_SEND_SUMS, comes="excluded")

_OPENED: Final = typed(_SENDS.columns, (*_REPORTED_COLUMNS, "recorded"))
#: (%(sends)s) Make sure that every send has its row, with what receipts say of it, and lock it:
#: a row is locked by its conflict, also where nothing changes. In key order, a base first. But for
#: families that are past, unless a row of their base says `recorded`.
OPEN_SENDS: Final = f"""
    WITH f AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%(sends)s::jsonb) AS f({_OPENED})),
         past AS MATERIALIZED ({past.AMONG_OPENED})
    INSERT INTO sends AS k ({_REPORTED}) SELECT {_REPORTED} FROM f
     WHERE (domain, base) NOT IN (SELECT domain, base FROM past)
     ORDER BY domain, base, transid
    ON CONFLICT (id) DO UPDATE SET {_SUMMED} WHERE {_SUM_CHANGES}
    """

_REGISTERED: Final = """r.domain = %(domain)s AND r.registration = %(registration)s
       AND r.transid <> %(transid)s AND r.body ->> 'transid' = ''"""

#: (%(domain)s, %(registration)s, %(transid)s) Move registrations to the transid that completes
#: them; first drop those that are there already.
DROP_MOVED: Final = f"""
    DELETE FROM recordings r USING recordings k
     WHERE {_REGISTERED}
       AND k.domain = r.domain AND k.transid = %(transid)s AND k.digest = r.digest
    """
MOVE_REGISTERED: Final = f"UPDATE recordings r SET transid = %(transid)s WHERE {_REGISTERED}"

#: (%(families)s) Lock families in key order; everything that is folded is folded under this lock.
LOCK_FAMILIES: Final = (
    f"SELECT 1 FROM sends s JOIN {past.FAMILIES} USING (id)"
    " ORDER BY s.domain, s.base FOR NO KEY UPDATE OF s"
)

#: (%(families)s) Domain and base of the families that are there.
PRESENT: Final = f"SELECT s.domain, s.base FROM sends s JOIN {past.FAMILIES} USING (id)"

_FAMILY: Final = "s.seq, s.domain, s.base, s.transid, s.first_day, s.last_day, s.known_at"
#: (%(families)s) The sends of families, as far as loading their facts needs them: the base, and
#: those of which a family seldom has any.
FAMILY_SENDS: Final = f"""
    SELECT {_FAMILY} FROM sends s JOIN {past.FAMILIES} USING (id)
    UNION ALL
    SELECT {_FAMILY} FROM sends s JOIN {past.FAMILIES} USING (domain, base)
     WHERE s.base <> s.transid
    """


#: What two accounts of a delivery come to where all facts count: `k` is kept, `f` comes.
_DELIVERY_SUMS: Final = {
    "destination": """CASE WHEN NOT k.reported THEN f.destination
        ELSE least(k.destination, f.destination) END""",
    "destination_type": """CASE WHEN NOT k.reported OR f.destination < k.destination
        THEN f.destination_type WHEN f.destination > k.destination THEN k.destination_type
        ELSE least(k.destination_type, f.destination_type) END""",
    "recorded": "k.recorded OR f.recorded",
    "reported": "k.reported OR f.reported",
    "reached": "k.reached OR f.reached",
    "missed": "k.missed OR f.missed",
    "carrier": "greatest(k.carrier, f.carrier)",
    "segments": "greatest(k.segments, f.segments)",
    "correlationid": "greatest(k.correlationid, f.correlationid)",
    "first_receipt_at": "least(k.first_receipt_at, f.first_receipt_at)",
    "arrived_at": "least(k.arrived_at, f.arrived_at)",
}


def _among(ranks: Iterable[int], rank: str = "f.rank") -> str:
    return f"{rank} IN ({', '.join(map(str, sorted(ranks)))})"


def _still_overdue(rank: str, also: str) -> str:
    return f"overdue = k.overdue AND {_among(OPEN, rank)} AND {also} = ''"


def _merging() -> tuple[str, str]:
    """Return what `deliveries.merge` says, in SQL: the status order, then the sums."""
    # of two copies the earlier one counts: there the sides change
    order = """({0}.rank, NOT {0}.reconciled, {0}.code <> '',
        coalesce({0}.provider_at, '-infinity'), {0}.decided_digest, {1}.decided_at)"""
    newest = "(coalesce({0}.also_at, '-infinity'), {0}.also_digest, {0}.also)"
    better = f"{order.format('excluded', 'k')} > {order.format('k', 'excluded')}"
    newer = f"{newest.format('excluded')} > {newest.format('k')}"
    chosen = dict.fromkeys(DECIDED, better) | dict.fromkeys(
        ("also", "also_at", "also_digest"), newer
    )
    taken = {
        name: f"CASE WHEN {wins} THEN excluded.{name} ELSE k.{name} END"
        for name, wins in chosen.items()
    }
    assigned = (f"{name} = {value}" for name, value in taken.items())
    summed, sum_changes = _setting(_DELIVERY_SUMS, comes="excluded")
    mark = _still_overdue(taken["rank"], taken["also"])
    return ", ".join([*assigned, mark, summed]), f"{better} OR {newer} OR {sum_changes}"


_DELIVERY_COLUMNS: Final = ", ".join(written(_DELIVERIES))
_DELIVERY_KEY: Final = ("send_seq", "destination_key")
_SAME_DELIVERY: Final = " AND ".join(f"d.{name} = f.{name}" for name in _DELIVERY_KEY)
_MERGED, _MERGE_CHANGES = _merging()


_UNKNOWN: Final = f"f.rank = {UNKNOWN.rank}"
_RECONCILED: Final = f"f.source = '{Source.RECONCILED}'"
#: What `deliveries.delivery_of` says, in SQL: columns that are not the receipt's of that name.
_OF_RECEIPT: Final = {
    "destination_type": "f.address_type",
    "recorded": "false",
    "reported": "true",
    "reconciled": _RECONCILED,
    "decided_digest": "f.digest",
    "decided_at": "f.accepted_at",
    "also": f"CASE WHEN {_UNKNOWN} THEN f.raw_status ELSE '' END",
    "also_at": f"CASE WHEN {_UNKNOWN} THEN f.provider_at END",
    "also_digest": f"CASE WHEN {_UNKNOWN} THEN f.digest ELSE '' END",
    "reached": _among(REACHED),
    "missed": _among(MISSED),
    "first_receipt_at": "f.accepted_at",
    "arrived_at": f"""CASE WHEN {_among(ARRIVED)} THEN
        coalesce(f.provider_at, CASE WHEN NOT {_RECONCILED} THEN f.accepted_at END) END""",
}
_DELIVERY_OF: Final = ", ".join(_OF_RECEIPT.get(name, f"f.{name}") for name in written(_DELIVERIES))
_JOINED: Final = (
    ", destination_key text, address_type text, rank smallint, send_id uuid, base_id uuid"
)

#: (%(rows)s, %(raws)b) Keep receipts, of each delivery one, and join what they say with what is
#: kept, wherever that needs no other fact: nothing is recorded that a delivery could belong to, or
#: no destination can be mistaken for a recorded one, or the delivery is there and stays of the type
#: by which it may be paired. Their sends are open, so that nobody else is at their deliveries; of
#: a family that is past none is, and `plain` is NULL.
#: Returns the ids of the receipts that were not known, and domain and base of the families that
#: must be folded anew.
RECEIVE: Final = f"""
    WITH judged AS MATERIALIZED (
        SELECT f.*, t.base, t.seq AS send_seq,
               NOT CASE WHEN t.base = t.transid THEN t.family_recorded ELSE (
                   SELECT b.family_recorded FROM sends b WHERE b.id = f.base_id) END
               OR (t.recorded AND t.settled)
               OR EXISTS (
                   SELECT FROM deliveries d
                    WHERE d.send_seq = t.seq AND d.destination_key = f.destination_key
                      AND (NOT t.recorded OR NOT d.reported
                           OR d.destination_type = f.address_type)) AS plain
          FROM {recordset(_RECEIPTS, "rows", alias="f", more=RAW + _JOINED)}
          LEFT JOIN sends t ON t.id = f.send_id),
    kept AS ({_insert_new(_RECEIPTS, "judged f")}),
    merged AS (
        INSERT INTO deliveries AS k ({_DELIVERY_COLUMNS})
        SELECT {_DELIVERY_OF} FROM judged f WHERE plain
        ON CONFLICT ({", ".join(_DELIVERY_KEY)}) DO UPDATE SET {_MERGED} WHERE {_MERGE_CHANGES})
    SELECT id::text, NULL FROM kept
    UNION ALL SELECT DISTINCT domain, base FROM judged WHERE NOT plain
    """


def _folded(table: Table, *, comes: str) -> tuple[str, str]:
    key = {"id", *_DELIVERY_KEY}
    names = [name for name in written(table) if name not in key]
    return _setting({name: f"f.{name}" for name in names}, comes=comes)


_FOLDED_SENDS, _SENDS_CHANGE = _folded(_SENDS, comes="f")
_FOLDED_DELIVERIES, _DELIVERIES_CHANGE = _folded(_DELIVERIES, comes="excluded")

#: (%(sends)s) Put what the fold says in the place of what the sends' rows said.
WRITE_SENDS: Final = (
    f"UPDATE sends k SET {_FOLDED_SENDS} FROM {recordset(_SENDS, 'sends', alias='f')}"
    f" WHERE k.id = f.id AND {_SENDS_CHANGE}"
)

#: (%(deliveries)s, %(families)s) Likewise for deliveries: first those that are none any more.
DROP_DELIVERIES: Final = f"""
    DELETE FROM deliveries d USING ({FAMILY_SENDS}) s
     WHERE d.send_seq = s.seq
       AND NOT EXISTS (
           SELECT FROM {recordset(_DELIVERIES, "deliveries", alias="f")} WHERE {_SAME_DELIVERY})
    """
WRITE_DELIVERIES: Final = f"""
    INSERT INTO deliveries AS k ({_DELIVERY_COLUMNS})
    SELECT {_DELIVERY_COLUMNS} FROM {recordset(_DELIVERIES, "deliveries", alias="f")}
     ORDER BY {", ".join(_DELIVERY_KEY)}
    ON CONFLICT ({", ".join(_DELIVERY_KEY)})
        DO UPDATE SET {_FOLDED_DELIVERIES}, {_still_overdue("excluded.rank", "excluded.also")}
         WHERE {_DELIVERIES_CHANGE}
    """
