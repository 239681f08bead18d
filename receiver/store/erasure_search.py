"""Finding a person in all that is kept: by index in the ledger, and else by reading all of it.

Postgres reads, by a pattern that finds more than it should and never less; what is found is looked
at once more, fact by fact, by who erases.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import JSONB

from receiver.domain.identity import base_of
from receiver.domain.persons import Person, is_number
from receiver.store import partitions, refold
from receiver.store.erasing import FactKey
from receiver.store.tables import (
    MessageRow,
    PlatformEventRow,
    QuarantineRow,
    ReceiptRow,
    RecordingRow,
    table_of,
)

#: Of a table that is not partitioned, what is read at once.
_PAGES: Final = 2048
_PAGE_BYTES: Final = 8192
_FEWEST_DIGITS: Final = 6
_WRITTEN_CHARACTERS: Final = 100
#: What may stand between two digits: an escape of JSON, URLs or HTML, or what is neither digit
#: nor letter; a blank or dash can have three bytes, and three of them can follow each other.
_BETWEEN: Final = r'(?:%[0-9a-f]{2}|\\+u[0-9a-f]{4}|\\+[nrtbf]|&#?[0-9a-z]{1,8};|[^0-9a-z"]){0,9}'
#: Bodies that may be compressed or in UTF-16 are read by who erases.
_OPAQUE: Final = r"[\x01-\x08\x0e-\x1f]"
_KEYS: Final[Mapping[str, str]] = {
    "recordings": "transid",
    "receipts": "transid, digest, day",
    "messages": "sender_key, digest, day",
    "platform_events": "sender_key, digest, day",
    "quarantine": "NULL, digest, day",
}
_TABLES: Final = {
    table_of(row).name: table_of(row)
    for row in (RecordingRow, ReceiptRow, MessageRow, PlatformEventRow, QuarantineRow)
}
#: What the facts of families are.
_OF_FAMILIES: Final = frozenset({"recordings", "receipts"})
#: Names of sends are no person's.
_NOT_SOUGHT: Final = frozenset({"domain", "source", "transid", "alias"})
_IN_LEDGER: Final = """
    SELECT DISTINCT s.base FROM deliveries d JOIN sends s ON s.seq = d.send_seq
     WHERE d.domain = %s AND d.destination_key = ANY(%s) AND s.accepted_at <= %s
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in one stretch of what is kept, and how long that is."""

    table: str
    families: Sequence[refold.FamilyKey] = ()
    rows: Sequence[FactKey] = ()
    size_bytes: int = 0


def pattern_of(person: Person) -> str:
    """Return a pattern that matches every spelling of a person, whatever the case."""
    numbers = [form for form in person.forms if is_number(form)]
    if not numbers:
        return "".join(map(_any_spelling, person.written.strip()[:_WRITTEN_CHARACTERS]))
    tails = (numbers[0][at:] for at in range(len(numbers[0])))
    tail = next((t for t in tails if all(number.endswith(t) for number in numbers)), "")
    sought = [tail] if len(tail) >= _FEWEST_DIGITS else numbers
    return "|".join(_BETWEEN.join(map(_any_spelling, digits)) for digits in sought)


def _any_spelling(character: str) -> str:
    """Return what a character can be spelled as, in JSON, URLs or HTML, too."""
    if not character.isascii():
        return ".{1,12}"
    code = ord(character)
    plain = character if character.isalnum() else rf"\\*\{character}"
    return rf"(?:{plain}|%{code:02x}|\\+u00{code:02x}|&#(?:0*{code}|x0*{code:x});)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Looks for a person in one domain, in what was accepted up to a moment."""

    connection: psycopg.Connection[Any]
    domain: str
    person: Person
    until: datetime

    def size_bytes(self) -> int:
        """Return how much there is to be read, about. Raises psycopg.Error."""
        days = sum(sum(self._days(table).values()) for table in _TABLES if table != "recordings")
        return self._pages() * _PAGE_BYTES + days

    def walk(self) -> Iterator[Found]:
        """Yield what is found, stretch by stretch: what the ledger knows first, then the newest.

        Raises psycopg.Error.
        """
        in_ledger = [self.domain, list(self.person.forms), self.until]
        bases = [base for (base,) in self.connection.execute(_IN_LEDGER, in_ledger)]
        yield Found(table="deliveries", families=[(self.domain, base) for base in bases])
        yield from self._recordings()
        for table in _TABLES:
            if table != "recordings":
                for day, size in self._days(table).items():
                    yield self._found(table, self._on(day), size)

    def _recordings(self) -> Iterator[Found]:
        """Read as of one moment: what moves within the table meanwhile is not passed over."""
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for page in range(0, self._pages(), _PAGES):
                pages = sql.SQL("ctid >= {} AND ctid < {}").format(
                    *(sql.Literal(f"({each},0)") for each in (page, page + _PAGES))
                )
                yield self._found("recordings", pages, _PAGES * _PAGE_BYTES)

    def _on(self, day: date) -> sql.Composable:
        return sql.SQL("day = {}").format(sql.Literal(day.isoformat()))

    def _found(self, table: str, stretch: sql.Composable, size_bytes: int) -> Found:
        query = sql.SQL(_QUERIES[table]).format(stretch=stretch)
        sought = {"domain": self.domain, "until": self.until, "pattern": pattern_of(self.person)}
        found = self.connection.execute(query, sought).fetchall()
        keys = () if table == "recordings" else found
        if table not in _OF_FAMILIES:
            return Found(table=table, rows=keys, size_bytes=size_bytes)
        families = sorted({(self.domain, base_of(transid)) for transid, *_ in found})
        return Found(table=table, families=families, rows=keys, size_bytes=size_bytes)

    def _days(self, table: str) -> Mapping[date, int]:
        return partitions.sizes(self.connection, table)

    def _pages(self) -> int:
        row = self.connection.execute("SELECT pg_relation_size('recordings')").fetchone()
        assert row is not None
        return int(row[0]) // _PAGE_BYTES


def _query(table: str) -> str:
    """Return a query of what may be found; of texts all, so that a new column is not forgotten."""
    columns = (c for c in _TABLES[table].columns if c.name not in _NOT_SOUGHT)
    texts = [f"{c.name}::text" for c in columns if isinstance(c.type, Text | JSONB | ARRAY)]
    return f"""
        SELECT {_KEYS[table]} FROM {table}
         WHERE {{stretch}} AND domain = %(domain)s AND accepted_at <= %(until)s
           AND (concat_ws(E'\\n', {", ".join(texts)}) ~* %(pattern)s
                OR CASE WHEN position('\\x00'::bytea IN raw) > 0 THEN true
                   ELSE convert_from(raw, 'LATIN1') ~* (%(pattern)s || '|{_OPAQUE}') END)
        """


_QUERIES: Final = {table: _query(table) for table in _TABLES}
