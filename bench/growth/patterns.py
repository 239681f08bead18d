"""The rows of a history as lines for COPY, with a place for each value that differs.

They are taken from the real thing: the first history is applied as if it had come in, what is
then in the tables is read, and nothing of it is kept. So what the code writes, COPY writes.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from msgspec.structs import replace
from psycopg import sql

from bench.growth.histories import DOMAIN, STAGES, Histories, Values, body_of
from receiver.domain.facts import Fact, Receipt, Source, stamp
from receiver.platform.recognise import recognise
from receiver.store.apply import apply

TABLES: Final = ("sends", "deliveries", "receipts")
#: What Postgres says of a new row; the ledger learnt of each when its first receipt came.
_INSERTED: Final = {
    "seq": "%(seq)s",
    "send_seq": "%(seq)s",
    "known_at": "%(submitted_accepted_at)s",
}
#: All values that a history has.
EVERYTHING: Final = ("send_id", *(f"{stage}_raw" for stage in STAGES))
_WRITTEN: Final = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum
    """
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Pattern:
    """One row of a table: its columns, and a line in which %(name)s stands for a value."""

    columns: tuple[str, ...]
    line: str

    @property
    def names(self) -> frozenset[str]:
        """The values that it has a place for."""
        return frozenset(re.findall(r"%\((\w+)\)s", self.line))


def patterns(
    connection: psycopg.Connection[Any], histories: Histories
) -> Mapping[str, Sequence[Pattern]]:
    """Return the rows of a history, by table."""
    (values,) = histories.of([0], EVERYTHING)
    with connection.transaction(force_rollback=True):
        apply(connection, [fact_of(histories, values, stage) for stage in STAGES])
        return {table: _rows(connection, table, values) for table in TABLES}


def fact_of(histories: Histories, values: Values, stage: str) -> Fact:
    """Return a receipt of a history as the fact that it is when it comes in."""
    raw = body_of(values, stage)
    (element,) = recognise(raw).elements
    assert isinstance(element.body, Receipt)
    fact = stamp(
        element.body,
        domain=DOMAIN,
        point_id=histories.point_id,
        source=Source.HOOK,
        raw=raw,
        accepted_at=datetime.fromisoformat(values[f"{stage}_accepted_at"]),
    )
    return replace(fact, id=UUID(values[f"{stage}_id"]))


def _rows(connection: psycopg.Connection[Any], table: str, values: Values) -> Sequence[Pattern]:
    columns = tuple(name for (name,) in connection.execute(_WRITTEN, [table]))
    chosen = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns)
    query = sql.SQL("SELECT {} FROM {} WHERE transid = %s").format(chosen, sql.Identifier(table))
    found = connection.execute(query, [values["transid"]]).fetchall()
    return [Pattern(columns, _line(columns, row, values)) for row in found]


def _line(columns: Collection[str], row: Sequence[str | None], values: Values) -> str:
    places = {value: f"%({name})s" for name, value in values.items() if name != "seq"}
    parts = []
    for column, text in zip(columns, row, strict=True):
        spelling = "\\N" if text is None else text.translate(_ESCAPES)
        place = _INSERTED.get(column) or places.get(spelling)
        parts.append(place or spelling.replace("%", "%%"))
    return "\t".join(parts) + "\n"
