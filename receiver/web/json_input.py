"""JSON of our own API's callers: read strictly, and every fault named by its path."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError

from receiver.domain.errors import BadInputError, PayloadError
from receiver.settings import MEBIBYTE
from receiver.web.body import Intake, decoded

BODY_BYTES: Final = 10 * MEBIBYTE
_MOST_FAULTS: Final = 50
_PATH_CHARACTERS: Final = 200


def read_json(intake: Intake, request: Request, *, may_be_empty: bool = False) -> Any:
    """Return the JSON value of a request's body, beside which the URL has nothing to say.

    One that is empty, where it may be, is an empty object.
    Raises: BadInputError naming `body` or a parameter, TooLargeError, SlowBodyError.
    """
    for name in request.args:
        raise bad(name, "is not taken from the URL here: put it into the body")
    encoding = request.headers.get("Content-Encoding", "")
    with intake.body(request.environ, cap_bytes=BODY_BYTES) as raw:
        if may_be_empty and not raw:
            return {}
        try:
            return parse_json(decoded(raw, encoding, cap_bytes=BODY_BYTES))
        except PayloadError as error:
            raise bad("body", str(error)) from error


def parse_json(raw: bytes) -> Any:
    """Return the value of JSON text. Raises: BadInputError naming `body`."""
    try:
        return json.loads(raw, parse_float=_real, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        fault = f"is no JSON: line {error.lineno} column {error.colno}"
        raise bad("body", fault) from error
    except UnicodeDecodeError as error:
        raise bad("body", "is no text in UTF-8") from error
    except ValueError as error:  # a number of thousands of digits, NaN
        raise bad("body", "has a number that JSON doesn't know or nobody can hold") from error
    except RecursionError as error:
        raise bad("body", "is nested too deeply") from error


def _real(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(_: str) -> NoReturn:
    raise ValueError


def load(schema: Schema, given: object) -> Any:
    """Return what `schema` makes of a value. Raises: BadInputError naming the fields."""
    if not isinstance(given, Mapping):
        raise bad("body", "must be an object")
    try:
        return schema.load(given)
    except ValidationError as error:
        faults = _faults(error)
        for name in faults.keys() & given.keys() - set(names_of(schema)):
            faults[name] = [f"is unknown: there are {', '.join(names_of(schema))}"]
        raise BadInputError("fields are missing or wrong", fields=faults) from error


def names_of(schema: Schema) -> Sequence[str]:
    """Return what the fields of a schema are called by those who give them, in order."""
    return sorted(field.data_key or name for name, field in schema.fields.items())


def bad(path: str, fault: str) -> BadInputError:
    """Return the error that names one field."""
    return BadInputError(f"{path} {fault}", fields={path: [fault]})


def _faults(error: ValidationError) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    _gather(error.messages, "", faults)
    return faults


def _gather(messages: Any, path: str, faults: dict[str, list[str]]) -> None:
    """Flatten marshmallow's nested messages to paths with dots, the first fifty of them."""
    if not isinstance(messages, dict):
        faults[path[:_PATH_CHARACTERS] or "body"] = [str(message) for message in messages]
        return
    for key, inner in messages.items():
        if len(faults) < _MOST_FAULTS:
            name = "" if key == "_schema" else str(key)
            _gather(inner, f"{path}.{name}".strip("."), faults)
