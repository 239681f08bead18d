"""JSON text taken apart without being written anew: each member of its objects with its place.

Read strictly, as RFC 8259 has it, so that what we take is what any other reader takes, too. What
is changed is changed in place: spellings of numbers and letters, blanks, members that stand there
twice and the order of all of them are the sender's own.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from msgspec import Struct

from receiver.domain.errors import PayloadError
from receiver.platform.bodies import fault_of

#: Longer whole numbers stay text; nobody counts with them.
_MOST_DIGITS: Final = 300
_BLANK: Final = re.compile(r"[ \t\n\r]*")
BYTE_ORDER_MARK: Final = "\ufeff"


class Member(Struct, frozen=True):
    """A name in an object, its value, and from where to where the value stands in the text."""

    name: str
    value: Any
    start: int
    end: int


class Object(Struct, frozen=True):
    """An object, where its brace opens, and its members in their order."""

    start: int
    members: Sequence[Member]

    @property
    def value(self) -> Mapping[str, Any]:
        """The members by name; of two with one name the last."""
        return {member.name: member.value for member in self.members}

    def named(self, name: str) -> Sequence[Member]:
        """Return the members of this name."""
        return [member for member in self.members if member.name == name]


class Document(Struct, frozen=True):
    """A JSON text: an object, or an array with what is in it, or a scalar."""

    text: str
    value: Any
    objects: Sequence[Object]
    """The object itself, or those that are elements of the array."""

    @classmethod
    def of(cls, raw: bytes) -> "Document":
        """Take a text apart.

        Raises: PayloadError (`not_json`) with the place of the fault; it quotes nothing.
        """
        try:
            return _document(raw.decode())
        except UnicodeDecodeError as error:
            raise PayloadError("not_json", f"byte {error.start + 1}: not UTF-8") from None
        except json.JSONDecodeError as error:
            raise PayloadError("not_json", fault_of(error)) from None
        except RecursionError:
            raise PayloadError("not_json", "it is nested too deeply") from None


def with_member(document: Document, name: str, value: str) -> bytes:
    """Return the text with a member of this name and value in each of its objects.

    Where there are some their values are replaced, where there is none it becomes the first.
    """
    pieces, at = [], 0
    for start, end, piece in _edits(document, name, json.dumps(value)):
        pieces += [document.text[at:start], piece]
        at = end
    return "".join([*pieces, document.text[at:]]).encode()


def _edits(document: Document, name: str, value: str) -> Iterator[tuple[int, int, str]]:
    for each in document.objects:
        found = each.named(name)
        for member in found:
            yield member.start, member.end, value
        if not found:
            place = each.start + 1
            yield place, place, f"{json.dumps(name)}:{value}{',' if each.members else ''}"


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _refuse(_: str) -> NoReturn:
    raise _ConstantError


class _ConstantError(Exception):
    """NaN or an infinity, which JSON has no words for."""


_DECODER: Final = json.JSONDecoder(parse_int=_whole, parse_constant=_refuse)


def _document(text: str) -> Document:
    at = _next(text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0)
    objects: list[Object] = []
    value: Any
    if text.startswith("{", at):
        found, end = _object(text, at)
        objects, value = [found], found.value
    elif text.startswith("[", at):
        value, end = _array(text, at, objects)
    else:
        value, end = _value(text, at)
    end = _next(text, end)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return Document(text, value, objects)


def _array(text: str, at: int, objects: list[Object]) -> tuple[Sequence[Any], int]:
    values: list[Any] = []
    at = _next(text, at + 1)
    if text.startswith("]", at):
        return values, at + 1
    while True:
        if text.startswith("{", at):
            found, end = _object(text, at)
            objects.append(found)
            values.append(found.value)
        else:
            value, end = _value(text, at)
            values.append(value)
        at, is_over = _after(text, end, "]")
        if is_over:
            return values, at


def _object(text: str, at: int) -> tuple[Object, int]:
    start, members = at, list[Member]()
    at = _next(text, at + 1)
    if text.startswith("}", at):
        return Object(start, members), at + 1
    while True:
        if not text.startswith('"', at):
            expected = "Expecting property name enclosed in double quotes"
            raise json.JSONDecodeError(expected, text, at)
        name, end = _value(text, at)
        at = _next(text, end)
        if not text.startswith(":", at):
            raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
        at = _next(text, at + 1)
        value, end = _value(text, at)
        members.append(Member(name, value, at, end))
        at, is_over = _after(text, end, "}")
        if is_over:
            return Object(start, members), at


def _after(text: str, end: int, closing: str) -> tuple[int, bool]:
    """Return where it goes on after a value, and whether that is behind what closes."""
    at = _next(text, end)
    if text.startswith(closing, at):
        return at + 1, True
    if not text.startswith(",", at):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    return _next(text, at + 1), False


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except _ConstantError:
        raise json.JSONDecodeError("Expecting value", text, at) from None


def _next(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
