"""Lists as CSV: written page by page while they are read, and few at once."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import gevent
from flask import Response
from marshmallow import Schema, fields

from receiver.domain.errors import BusyError

CSV: Final = "text/csv"
PAGE_ROWS: Final = 100
#: So many rows are written before whoever else waits has a turn.
_ROWS_A_TURN: Final = 25
#: While there is live traffic, so many times as long as a page took nothing is done after it.
REST_TIMES: Final = 3
LONGEST_REST_SECONDS: Final = 0.5
#: A spreadsheet would take a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

#: How a name in JSON leads to a cell: the names on the way.
Path = tuple[str, ...]


Each = TypeVar("Each")


class Exports:
    """Counts what is written at once, and keeps it from live traffic's way."""

    def __init__(self, most: int, *, busy: Callable[[], bool]) -> None:
        self._left = most
        self._is_busy = busy

    def begin(self) -> None:
        """Take a place. Raises: BusyError where none is left."""
        if not self._left:
            raise BusyError("as many exports as may run at once are under way: come again")
        self._left -= 1

    def end(self) -> None:
        """Give the place back."""
        self._left += 1

    def paced(self, pages: Iterable[Each]) -> Iterator[Each]:
        """Yield pages, and rest after each, once it is written, while there is live traffic."""
        begun = time.monotonic()
        for page in pages:
            yield page
            if self._is_busy():
                took = time.monotonic() - begun
                gevent.sleep(min(REST_TIMES * took, LONGEST_REST_SECONDS))
            begun = time.monotonic()


def columns_of(shape: type[Schema]) -> Sequence[Path]:
    """Return the columns of an item: those of an object in it are named with a dot.

    What an item need not have is for those who ask for it, in JSON.
    """
    found: list[Path] = []
    for name, field in shape().fields.items():
        key = field.data_key or name
        if not field.required:
            continue
        if isinstance(field, fields.Nested):
            found += [(key, *inner) for inner in columns_of(type(field.schema))]
        else:
            found.append((key,))
    return found


def written(pages: Iterator[Sequence[Mapping[str, Any]]], shape: type[Schema]) -> Iterator[str]:
    """Yield lines of CSV: the names of the columns, then the items of all pages."""
    columns = columns_of(shape)
    yield _lines([[".".join(path) for path in columns]])
    for items in pages:
        for start in range(0, len(items), _ROWS_A_TURN):
            turn = items[start : start + _ROWS_A_TURN]
            yield _lines([[_cell(item, path) for path in columns] for item in turn])
            gevent.sleep(0)


def streamed(lines: Iterator[str], exports: Exports) -> Response:
    """Return the answer that lines are; the place that was taken is given back at its end."""
    response = Response(lines, content_type=f"{CSV}; charset=utf-8")
    response.call_on_close(exports.end)
    return response


def _cell(item: Mapping[str, Any], path: Path) -> str:
    value: Any = item
    for name in path:
        value = None if value is None else value[name]
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
