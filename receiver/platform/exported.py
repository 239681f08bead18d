"""Files of notifications that the platform could not deliver, as its export of logs writes them.

Source: CONTRACT.md 1 ("New Export Logs"); what its columns are called is documented nowhere, so a
body is found by the usual names, or by a name that is given.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

from receiver.platform.keys import fold_key

#: Folded names of the column, or the field, that holds a notification as it was posted.
BODIES: Final = (
    *("payload", "body", "requestbody", "requestpayload", "notification", "notificationpayload"),
    *("request", "data", "json"),
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _.-]{0,39}")
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


class Line(Struct, frozen=True):
    """One notification of a file, or what is wrong with its line."""

    number: int
    """That of its last line in the file, from 1 on."""
    raw: bytes = b""
    """The notification's own bytes."""
    fault: str = ""


class ColumnError(ValueError):
    """A CSV file in which nobody knows which column holds the notifications."""


def json_lines(file: BinaryIO, *, column: str = "", most_bytes: int) -> Iterator[Line]:
    """Yield what stands in the lines of a file: a notification, or an object that holds one."""
    number = 0
    while line := file.readline(most_bytes + 1):
        number += 1
        if len(line) > most_bytes and not line.endswith(b"\n"):
            _skip_rest(file)
            yield Line(number, fault=f"it is longer than {most_bytes} bytes")
        elif line.strip():
            yield Line(number, raw=_unwrapped(line.strip(), column))


def csv_rows(file: BinaryIO, *, column: str = "", most_bytes: int) -> Iterator[Line]:
    """Yield what one column of a CSV file holds. Raises ColumnError where it isn't known which."""
    others = csv.field_size_limit(most_bytes)  # of the whole process
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(csv.reader(text), column)
    finally:
        csv.field_size_limit(others)
        text.detach()  # else it would close what is not its own


def _rows(rows: Any, column: str) -> Iterator[Line]:
    names: Sequence[str] = next(rows, [])
    place = _place_of(names, column)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(rows.line_num, fault=str(error))
            continue
        if place is None:
            place = _place_by(row, names)
        if place >= len(row):
            yield Line(rows.line_num, fault="it has too few columns")
        elif row[place].strip():
            yield Line(rows.line_num, raw=row[place].encode("utf-8", "surrogateescape"))


def is_json(head: bytes) -> bool:
    """Tell by its beginning whether a file holds lines of JSON."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}


def reader_of(head: bytes) -> Callable[..., Iterator[Line]]:
    """Return what reads a file that begins so."""
    return json_lines if is_json(head) else csv_rows


def _skip_rest(file: BinaryIO) -> None:
    while part := file.readline(1 << 16):
        if part.endswith(b"\n"):
            return


def _unwrapped(line: bytes, column: str) -> bytes:
    """Return the notification that an object holds as a field, else the object itself."""
    try:
        fields = _FIELDS.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return line
    name = _among(list(fields), column)
    if name is None:
        return line
    inner = bytes(fields[name])
    if inner.startswith(b'"'):
        try:
            inner = _TEXT.decode(inner).encode("utf-8", "surrogatepass")
        except (msgspec.DecodeError, msgspec.ValidationError):
            return line
    return inner if is_json(inner) else line


def _among(names: Sequence[str], column: str) -> str | None:
    """Return which of some names is that of the notification."""
    wanted = (fold_key(column),) if column else BODIES
    folded = {fold_key(name): name for name in reversed(names)}
    return next((folded[name] for name in wanted if name in folded), None)


def _place_of(names: Sequence[str], column: str) -> int | None:
    name = _among(names, column)
    if name is None and column:
        raise ColumnError(f"the file has no column {column}: it has {_listed(names)}")
    return names.index(name) if name is not None else None


def _place_by(row: Sequence[str], names: Sequence[str]) -> int:
    """Return which column holds JSON objects, by the first row."""
    places = [place for place, value in enumerate(row) if _is_object(value)]
    if len(places) != 1:
        raise ColumnError(f"name the column of the notifications: one of {_listed(names)}")
    return places[0]


def _listed(names: Sequence[str]) -> str:
    """Return names of columns as they may be printed: without a header they are somebody's data."""
    return ", ".join(name if _NAME.fullmatch(name) else "?" for name in names)


def _is_object(value: str) -> bool:
    try:
        said: Any = json.loads(value)
    except ValueError:
        return False
    return isinstance(said, dict | list)
