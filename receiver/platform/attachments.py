"""Attachments of inbound messages: JSON in strings, arrays and objects, made one list.

Source: CONTRACT.md 3 (attachments by channel), 9.21 (JSON inside strings), 9.23 (inline content).
"""

from collections.abc import Mapping
from typing import Any, Final

from receiver.platform.bodies import embedded
from receiver.platform.keys import fold_key
from receiver.platform.storable import bounded, text_of

_KEYS: Final = ("attachments", "attachment", "files")
_MOST: Final = 100
_CHARACTERS: Final = 65_536
_URL: Final = "attachmenturl"
_TYPE: Final = "attachmenttype"
#: Keys of an attachment under which its content itself may stand.
_INLINE: Final = frozenset({"content", "preview", "base64", "data"})
_INLINE_CHARACTERS: Final = 16_384  # whatever its key, no name or address is that long
_URL_CHARACTERS: Final = 4_096
_DEPTH: Final = 6

PLACED: Final = frozenset({*_KEYS, _URL, _TYPE})


def attachments_of(channel: str, flat: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a folded notification lists, without inline content: its size in its place."""
    listed = [item for key in _KEYS if key in flat for item in items_of(flat[key])]
    if channel == "mms":
        listed += files_of(flat.get("message"))
    url = text_of(flat.get(_URL), _URL_CHARACTERS)
    if url and all(item.get("url") != url for item in listed if isinstance(item, dict)):
        listed.append({"type": text_of(flat.get(_TYPE)), "url": url})
    return tuple(bounded([_light(item, _DEPTH) for item in listed[:_MOST]], characters=_CHARACTERS))


def files_of(message: object) -> list[Any]:
    """Return the files that an MMS lists in place of a text; none if it is a text."""
    found = embedded(message) if isinstance(message, str) else message
    return found if isinstance(found, list) else []


def items_of(value: object) -> list[Any]:
    """Return the list that `value` is, holds as a string, or is the one item of."""
    if isinstance(value, str):
        found = embedded(value)
        value = {"url" if "://" in value else "text": value} if found is None else found
    if isinstance(value, dict):
        data = value.get("data")
        return data if isinstance(data, list) and len(value) == 1 else [value] if value else []
    return value if isinstance(value, list) else [text_of(value)]


def _light(item: object, depth: int) -> Any:
    if isinstance(item, list) and depth:
        return [_light(inner, depth - 1) for inner in item[:_MOST]]
    if not isinstance(item, dict) or not depth:
        return item if not isinstance(item, str) else item[:_INLINE_CHARACTERS]
    light: dict[str, Any] = {}
    for key, value in item.items():
        if isinstance(value, str) and _is_inline(key, value):
            light["bytes"] = light.get("bytes") or _size_of(value)
        else:
            light[key] = _light(value, depth - 1)
    return light


def _is_inline(key: str, value: str) -> bool:
    return fold_key(key) in _INLINE or len(value) > _INLINE_CHARACTERS


def _size_of(encoded: str) -> int:
    """Return how many bytes this much base64 stands for."""
    padding = len(encoded) - len(encoded.rstrip("="))
    return max(len(encoded) * 3 // 4 - padding, 0)
