"""Make what the platform says fit to be stored: texts, addresses, keys, small JSON values.

Source: CONTRACT.md 9.19 to 9.23 (scalars of any type, JSON in strings, large bodies).
"""

import json
import math
import re
from typing import Any, Final

from receiver.domain.identity import key_of

#: Codes, statuses, names.
SHORT: Final = 500
#: Descriptions, error texts, callback data.
LONG: Final = 10_000
#: Texts of messages.
WHOLE: Final = 1 << 20
#: Longer addresses are none; hashed they still differ.
ADDRESS_BYTES: Final = 2_048

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_DEPTH: Final = 8
_KEY_CHARACTERS: Final = 200


def storable(text: str) -> str:
    """Return `text` with U+FFFD for what Postgres refuses: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def text_of(value: object, limit: int = SHORT) -> str:
    """Return the text of a JSON value of any type, storable, at most `limit` characters."""
    if isinstance(value, str):
        text = value if len(value) <= limit else value[:limit]
        return text if text.isascii() and "\0" not in text else storable(text)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:limit]
    return _text_of_many(value, limit)


def _text_of_many(value: object, limit: int) -> str:
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        return text_of(value[0], limit)
    if not value:
        return ""
    return json.dumps(bounded(value, characters=limit), ensure_ascii=False)[:limit]


def key_text(value: object) -> str:
    """Return an id as an index can hold it."""
    return key_of(text_of(value, WHOLE))


def address_text(value: object) -> str:
    """Return an address; one that is absurdly long becomes its hash."""
    text = text_of(value, WHOLE)
    return text if len(text.encode()) <= ADDRESS_BYTES else key_of(text)


def bounded(value: object, *, characters: int = 16_384) -> Any:
    """Return a storable copy of a JSON value, no deeper than 8, about `characters` long."""
    return _copy(value, [characters], _DEPTH)


def _copy(value: object, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if isinstance(value, dict):
        return _copy_object(value, left, depth - 1) if depth else {}
    if isinstance(value, list | tuple):
        return _copy_array(value, left, depth - 1) if depth else []
    if isinstance(value, str):
        text = text_of(value, max(left[0], 0))
        left[0] -= len(text)
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return value if isinstance(value, bool | int | float) else None


def _copy_object(value: dict[Any, Any], left: list[int], depth: int) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    for key, item in value.items():
        if left[0] <= 0:
            break
        name = text_of(key, _KEY_CHARACTERS)
        left[0] -= len(name)
        copy[name] = _copy(item, left, depth)
    return copy


def _copy_array(value: list[Any] | tuple[Any, ...], left: list[int], depth: int) -> list[Any]:
    copy: list[Any] = []
    for item in value:
        if left[0] <= 0:
            break
        copy.append(_copy(item, left, depth))
    return copy
