"""What people said and who they are, out of the forms that hold it: lists, objects, strings.

Source: CONTRACT.md 2.7 (what a reply refers to), 3 (addresses and texts by channel), 9.21.
"""

import re
from typing import Any, Final

from receiver.platform.bodies import embedded
from receiver.platform.storable import WHOLE, text_of

#: Where an object holds words, best first.
_WORDS: Final = ("text", "title", "body", "message", "payload", "name")
_MOST_ADDRESSES: Final = 20

#: A form's `relatedTid` is the transaction it answers, with an R before it.
_RELATED = re.compile(r"R([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?:_\d{1,9})?)")


def words_in(value: object, *, opened: bool = False) -> str:
    """Return the words that a value holds; `opened` looks into JSON in a string too."""
    found = embedded(value) if opened and isinstance(value, str) else value
    if isinstance(found, dict):
        inner = next((found[key] for key in _WORDS if _is_scalar(found.get(key))), found)
        return text_of(inner, WHOLE)
    return text_of(value, WHOLE)


def addresses_in(value: object) -> str:
    """Return one address, or several joined by commas: `[a@b]`, arrays, JSON arrays in strings."""
    if isinstance(value, str):
        found = embedded(value)
        if not isinstance(found, list):
            bracketed = value.startswith("[") and value.endswith("]")
            return value[1:-1].strip() if bracketed else value
        value = found
    if isinstance(value, list):
        return ", ".join(filter(None, map(text_of_address, value[:_MOST_ADDRESSES])))
    return text_of_address(value)


def text_of_address(value: object) -> str:
    """Return an address that may be an object."""
    if isinstance(value, dict):
        known: Any = next((value[key] for key in ("email", "address", "id") if key in value), value)
        return text_of(known, WHOLE)
    return text_of(value, WHOLE)


def quoted_in(value: object) -> str:
    """Return the id of what is answered, as the platform's other notifications spell it."""
    found = embedded(value) if isinstance(value, str) else value
    text = text_of(found.get("id") if isinstance(found, dict) else value, WHOLE).strip()
    related = _RELATED.fullmatch(text)
    return related[1] if related else text


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""
