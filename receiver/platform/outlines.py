"""How a body is built, without what it says: what people group by that was not understood.

Nothing of it is private: names that look like data become `*`, and values are named by type.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from receiver.domain.errors import PayloadError
from receiver.platform.bodies import Text, parse

#: Larger bodies are not looked into: nobody waits for that.
MOST_BYTES: Final = 1 << 20
MOST_CHARACTERS: Final = 1_000
_MOST_NAMES: Final = 30
_MOST_ELEMENTS: Final = 20
_NAME_CHARACTERS: Final = 40
_FORM_CHARACTERS: Final = 64 * 1024
_DEPTH: Final = 5
_PRIVATE: Final = re.compile(r"(?:\d\D*){5}|[@\s]")
_FORM: Final = re.compile(r"([\w.\[\]-]+)=[^&\s]*(?:&[\w.\[\]-]+=[^&\s]*)*")
_FORM_NAME: Final = re.compile(r"(?:^|&)([^=]+)=")
_TYPES: Final[Mapping[type, str]] = {str: "text", bool: "flag", int: "number", float: "number"}


def outline(raw: bytes, *, charset: str = "") -> str:
    """Return how a body, as received but unzipped, is built: `{channel: text, to: [text]}`.

    What is no JSON is `empty`, `markup`, `form {...}`, `broken object`, `broken array`, `text` or
    `binary`; a body over 1 MiB is `large`.
    """
    if len(raw) > MOST_BYTES:
        return "large"
    try:
        text = Text.of(raw, charset).characters
    except PayloadError:
        return "binary"
    try:
        return _shown(parse(text), _DEPTH)[:MOST_CHARACTERS]
    except PayloadError:
        return _of_text(text.strip())[:MOST_CHARACTERS]


def _shown(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        return "{" + (_names(value, depth) if depth else "...") + "}"
    if isinstance(value, list):
        return "[" + (_elements(value, depth) if depth else "...") + "]"
    return _TYPES.get(type(value), "null")


def _names(value: Mapping[str, Any], depth: int) -> str:
    shown = sorted({f"{_named(name)}: {_shown(part, depth - 1)}" for name, part in value.items()})
    return _listed(shown)


def _elements(value: list[Any], depth: int) -> str:
    """Return how elements are built, each way once: one more of a kind is no other shape."""
    shown = dict.fromkeys(_shown(part, depth - 1) for part in value[:_MOST_ELEMENTS])
    return " | ".join(sorted(shown))


def _named(name: str) -> str:
    is_name = name.isprintable() and len(name) <= _NAME_CHARACTERS and not _PRIVATE.search(name)
    return name if is_name else "*"


def _listed(shown: Sequence[str]) -> str:
    more = ["..."] if len(shown) > _MOST_NAMES else []
    return ", ".join([*shown[:_MOST_NAMES], *more])


def _of_text(text: str) -> str:
    if not text:
        return "empty"
    if not text.isprintable() and any(ord(character) < ord("\t") for character in text[:1000]):
        return "binary"
    opened = {"<": "markup", "{": "broken object", "[": "broken array"}.get(text[0])
    if opened:
        return opened
    if len(text) < _FORM_CHARACTERS and _FORM.fullmatch(text):
        names = sorted({_named(name) for name in _FORM_NAME.findall(text)})
        return "form {" + _listed(names) + "}"
    return "text"
