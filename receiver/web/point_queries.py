"""Which points are listed, in which order, and what of them is shown.

The grammar is ours where the platform's neighbours print none. Source: CONTRACT.md 8.
"""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields

from receiver.domain.errors import BadInputError
from receiver.store import entities
from receiver.store.entities import GROUPS, NAMES, Entity
from receiver.web.fields import Flag, Text
from receiver.web.json_input import bad
from receiver.web.queries import DEFAULT_LIMIT, IN_LIMIT, Limit
from receiver.web.times import read_time

MOST_OFFSET: Final = 1_000_000
_LONGEST: Final = 4000
_ALIASES: Final = {name.replace("_", ""): name for name in NAMES if name.startswith("token_")}
#: What can be compared: no lists.
_COMPARED: Final = {name: unset for name, unset in NAMES.items() if not isinstance(unset, list)}
_KINDS: Final[Mapping[type, str]] = {str: "a text", bool: "true or false", int: "a number"}
_LETTER: Final = re.compile(r"\\(.)|(.)", re.DOTALL)
_WILD: Final = {"%": "*", "_": "?"}
_HIDDEN_IN_LISTS: Final = "opts.comment"

Test = Callable[[Entity], bool]


class Offset(fields.Integer):
    """How many items are passed over; parameters are texts, so digits are one."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        good = str(value).isascii() and str(value).isdigit() and len(str(value)) <= 7  # noqa: PLR2004
        if not good or int(value) > MOST_OFFSET:
            raise ValidationError(f"must be a number from 0 to {MOST_OFFSET}")
        return int(value)


class PointQuery(Schema):
    """What is shown of a point."""

    mask = Text(most=_LONGEST, metadata={"description": "Names of fields, with commas."})
    flat = Flag(load_default=False, metadata={"description": "Whether names are dotted."})


class PointsQuery(PointQuery):
    """Which points are listed, and in which order."""

    filter = Text(most=_LONGEST, metadata={"description": 'Like {"type": "public"}.'})
    offset = Offset(load_default=0, metadata={"description": "How many are passed over."})
    limit = Limit(load_default=DEFAULT_LIMIT, validate=IN_LIMIT)
    order = Text(
        most=_LONGEST, metadata={"description": 'Like code,-ext.lwt or [{"code": "desc"}].'}
    )


def chosen(found: Sequence[Entity], asked: Mapping[str, Any]) -> Sequence[Entity]:
    """Return the page that is asked for, of all there are. Raises: BadInputError."""
    tests = [*_tests(_object("filter", asked["filter"]))] if "filter" in asked else []
    order = _order(asked["order"]) if "order" in asked else []
    compared = [({**NAMES, **entities.flat(entity)}, entity) for entity in found]
    kept = [pair for pair in compared if all(test(pair[0]) for test in tests)]
    for name, is_falling in reversed(order):
        kept.sort(key=_by(name), reverse=is_falling)
    start: int = asked["offset"]
    return [entity for _, entity in kept[start : start + asked["limit"]]]


def part(entity: Entity, asked: Mapping[str, Any], *, listed: bool = False) -> Entity:
    """Return what is asked for of an entity. Raises: BadInputError."""
    known = entities.flat(entity)
    if "mask" in asked:
        names = masked(asked["mask"], known)
    else:
        names = [name for name in known if not (listed and name == _HIDDEN_IN_LISTS)]
    said = {name: known.get(name, NAMES[name]) for name in names}
    return said if asked["flat"] else entities.nested(said)


def masked(text: str, known: Mapping[str, Any] = NAMES) -> Sequence[str]:
    """Return the names that a mask holds; a group is all that is `known` of it."""
    named = {_name("mask", each.strip(), [*NAMES, *GROUPS]) for each in text.split(",")}
    named |= {name for name in known if name.partition(".")[0] in named & set(GROUPS)}
    return [name for name in NAMES if name in named]


def _tests(said: Mapping[str, Any], group: str = "") -> Iterator[Test]:
    for key, wanted in said.items():
        if not group and key in GROUPS and isinstance(wanted, dict):
            yield from _tests(wanted, f"{key}.")
        else:
            name = _name("filter", f"{group}{key}", _COMPARED)
            yield _test(name, wanted)


def _test(name: str, wanted: Any) -> Test:
    """Return what one field is tested by: a value, any of several, or operators."""
    if isinstance(wanted, dict):
        parts = [_operation(name, sign, operand) for sign, operand in wanted.items()]
        return lambda entity: all(each(_value(name, entity[name])) for each in parts)
    values = [_operand(name, each) for each in (wanted if isinstance(wanted, list) else [wanted])]
    return lambda entity: _value(name, entity[name]) in values


def _operation(name: str, sign: str, operand: Any) -> Callable[[Any], bool]:
    if sign not in _OPERATORS:
        raise bad(
            "filter", f"has for {name} no operator {sign!r}: there are {', '.join(_OPERATORS)}"
        )
    return _OPERATORS[sign](_operand(name, operand))


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    return lambda operand: lambda value: type(value) is type(operand) and compare(value, operand)


def _like(operand: Any) -> Callable[[Any], bool]:
    """Return a test as SQL's LIKE: % is any text, _ any one character."""
    if not isinstance(operand, str):
        raise bad("filter", "has a $like that is no text")
    pattern = re.compile(translate(_LETTER.sub(_as_glob, operand)))
    return lambda value: isinstance(value, str) and bool(pattern.match(value))


def _as_glob(letter: re.Match[str]) -> str:
    if letter[2] in _WILD:
        return _WILD[letter[2]]
    plain: str = letter[1] or letter[2]
    return f"[{plain}]" if plain in "*?[" else plain


_OPERATORS: Final[Mapping[str, Callable[[Any], Callable[[Any], bool]]]] = {
    "$like": _like,
    "$gt": _compared(operator.gt),
    "$lt": _compared(operator.lt),
    "$ne": lambda operand: lambda value: value != operand,
}


def _operand(name: str, operand: Any) -> Any:
    """Return a value as its field is compared. Raises: BadInputError for another type."""
    unset = _COMPARED[name]
    kind = int if unset is None else type(unset)
    if operand is not None and type(operand) is not kind:
        raise bad("filter", f"must have for {name} {_KINDS[kind]}")
    try:
        return _value(name, operand)
    except ValueError as error:
        raise bad("filter", f"has for {name} what {error}") from error


def _value(name: str, value: Any) -> Any:
    return read_time(value) if name.startswith("ext.") and value else value


def _by(name: str) -> Callable[[tuple[Entity, Entity]], tuple[bool, Any]]:
    """Return what pairs are sorted by; nothing comes before anything."""

    def key(pair: tuple[Entity, Entity]) -> tuple[bool, Any]:
        value = pair[0][name]
        return (False, "") if value is None else (True, _value(name, value))

    return key


def _order(text: str) -> Sequence[tuple[str, bool]]:
    """Return names, and whether each falls."""
    said = _json("order", text) if text.lstrip()[:1] in {"[", "{"} else text.split(",")
    items = said if isinstance(said, list) else [said]
    return [pair for item in items for pair in _directions(item)]


def _directions(item: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(item, str):
        yield _name("order", item.strip().removeprefix("-"), _COMPARED), item.strip()[:1] == "-"
        return
    if not isinstance(item, dict) or not {str(each) for each in item.values()} <= {"asc", "desc"}:
        raise bad("order", 'must be names, -names, or objects like {"code": "desc"}')
    for name, direction in item.items():
        yield _name("order", name, _COMPARED), direction == "desc"


def _name(parameter: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Return a field's name in our spelling. Raises: BadInputError for one that there is not."""
    ours = _ALIASES.get(name, name)
    if ours not in known:
        raise bad(parameter, f"names {name[:50]!r}: there are {', '.join(known)}")
    return ours


def _object(parameter: str, text: str) -> Mapping[str, Any]:
    said = _json(parameter, text)
    if not isinstance(said, dict):
        raise bad(parameter, 'must be a JSON object, like {"type": "public"}')
    return said


def _json(parameter: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            f"{parameter} is no JSON", fields={parameter: ["is no JSON"]}
        ) from error
