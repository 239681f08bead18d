"""How rows travel to Postgres: as JSON arrays that it reads into the types of a table's columns."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

from receiver.store.tables import MARKED, STAMPED, Base, table_of

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
#: Where the raw body of a row is in the bytes that travel beside.
RAW: Final = ", raw_at int, raw_length int"


def written(table: Table) -> list[str]:
    """Return the columns that facts write: not the identity, computed ones, stamps and marks."""
    own = (c for c in table.columns if c.identity is None and c.computed is None)
    return [column.name for column in own if column.name not in (*STAMPED, *MARKED)]


def typed(columns: Iterable[Column[object]], names: Iterable[str]) -> str:
    """Return the columns of these names with their types, as a recordset declares them."""
    types = {column.name: column.type.compile(_DIALECT) for column in columns}
    return ", ".join(f"{name} {types[name]}" for name in names)


def recordset(table: Table, parameter: str, *, alias: str, more: str = "") -> str:
    """Return the rows of a parameter, all but their raw bodies, as what can be selected from."""
    names = [name for name in written(table) if name != "raw"]
    columns = typed(table.columns, names)
    return f"jsonb_to_recordset(%({parameter})s::jsonb) AS {alias}({columns}{more})"


def select_without_raw(row: type[Base], condition: str) -> str:
    """Return a SELECT of every column but the raw body, which can be large."""
    table = table_of(row)
    names = ", ".join(name for name in written(table) if name != "raw")
    return f"SELECT {names} FROM {table.name} WHERE {condition}"


def key_of(table: Table) -> list[str]:
    """Return the columns of the primary key."""
    return [column.name for column in table.primary_key.columns]
