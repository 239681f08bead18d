"""Whether the ledger is what its facts fold to: family by family, and nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
from msgspec import Struct
from msgspec.structs import asdict
from psycopg.rows import dict_row

from receiver.domain.ledger import Family, fold
from receiver.store import rows
from receiver.store.recordsets import written
from receiver.store.refold import FamilyKey, family_rows, load
from receiver.store.statements import FAMILY_SENDS
from receiver.store.tables import DeliveryRow, SendRow, table_of

#: Sends that are walked over at once: few enough for a snapshot to be short.
STEP: Final = 200

_BOUNDS: Final = """
    SELECT coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM sends WHERE known_at >= %s
    """
_WALK: Final = """
    SELECT seq, domain, base FROM sends WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT %s
    """
_SENDS: Final = f"""
    SELECT s.* FROM ({FAMILY_SENDS}) f JOIN sends s ON s.seq = f.seq
     WHERE s.recorded OR s.reported
    """
_DELIVERIES: Final = "SELECT * FROM deliveries WHERE send_seq = ANY(%s)"

#: Columns that facts decide. `overdue` follows the clock, and what Postgres computes the others.
_SEND: Final = tuple(written(table_of(SendRow)))
_DELIVERY: Final = tuple(name for name in written(table_of(DeliveryRow)) if name != "send_seq")

Row = Mapping[str, Any]


class Difference(Struct, frozen=True, kw_only=True):
    """One row of the ledger that its facts don't fold to."""

    domain: str
    transid: str
    what: str
    """`send` or `delivery`."""
    how: str
    """`missing`, `beside` what the facts say, or the columns that differ."""


class Span(Struct, frozen=True):
    """From behind which `seq` of a send to which the ledger is walked through."""

    after: int
    until: int


def span(connection: psycopg.Connection[Any], since: datetime) -> Span:
    """Return the span of the sends that became known since a moment."""
    row = connection.execute(_BOUNDS, [since]).fetchone()
    assert row
    return Span(*row)


def steps(connection: psycopg.Connection[Any], span: Span) -> Iterator[tuple[int, set[FamilyKey]]]:
    """Yield the families of a span in steps, each with how far it reaches."""
    after = span.after
    while found := connection.execute(_WALK, [after, span.until, STEP]).fetchall():
        yield found[-1][0], {(domain, base) for _, domain, base in found}
        after = found[-1][0]


def differences(
    connection: psycopg.Connection[Any], families: set[FamilyKey]
) -> Sequence[Difference]:
    """Return in what the ledger differs from what the facts of families fold to, at one moment."""
    with _one_moment(connection):
        facts, _ = load(connection, families)
        stored = _stored(connection, families)
    wanted: dict[tuple[str, ...], Row] = {}
    for domain, base in families:
        wanted |= _folded(domain, fold(base, facts[domain, base]))
    return [
        Difference(domain=key[1], transid=key[2], what=key[0], how=how)
        for key in sorted({*stored, *wanted})
        if (how := _how(stored.get(key), wanted.get(key)))
    ]


@contextmanager
def _one_moment(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _stored(
    connection: psycopg.Connection[Any], families: set[FamilyKey]
) -> Mapping[tuple[str, ...], Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        sends = cursor.execute(_SENDS, {"families": family_rows(families)}).fetchall()
        seqs = [row["seq"] for row in sends]
        deliveries = cursor.execute(_DELIVERIES, [seqs]).fetchall()
    found = {("send", row["domain"], row["transid"]): _of(row, _SEND) for row in sends}
    return found | {
        ("delivery", row["domain"], row["transid"], row["destination_key"]): _of(row, _DELIVERY)
        for row in deliveries
    }


def _folded(domain: str, family: Family) -> Mapping[tuple[str, ...], Row]:
    found: dict[tuple[str, ...], Row] = {}
    for transid in {*family.reported, *family.recorded}:
        row = rows.send_row(domain, transid, family)
        if row["recorded"] or row["reported"]:
            row["aliases"] = list(row["aliases"])
            found["send", domain, transid] = _of(row, _SEND)
    for (transid, key), delivery in family.deliveries.items():
        found["delivery", domain, transid, key] = _of(asdict(delivery), _DELIVERY)
    return found


def _of(row: Row, names: Sequence[str]) -> Row:
    return {name: row[name] for name in names}


def _how(stored: Row | None, wanted: Row | None) -> str:
    """Return how two rows differ, nothing where they don't."""
    if stored is None or wanted is None:
        return "missing" if stored is None else "beside"
    return ", ".join(name for name, value in wanted.items() if stored[name] != value)
