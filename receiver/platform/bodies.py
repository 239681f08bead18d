"""Bodies as they came, bytes to JSON values, each with its own slice of the bytes.

Source: CONTRACT.md 1 (charset unknown, maximum unknown), 9.23 (large bodies).
"""

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
from encodings import normalize_encoding
from encodings.aliases import aliases
from types import GenericAlias
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import Meta, Struct

from receiver.domain.errors import PayloadError

#: UTF-32 comes first, since its little-endian mark begins with that of UTF-16.
_MARKS: Final[Mapping[bytes, str]] = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "utf-8",
}
#: Codecs taken on a Content-Type's word. UTF-16 and UTF-32 show themselves; the odd ones of
#: Python (punycode, unicode_escape) can take time that grows with the square of the length.
_CHARSETS: Final = frozenset(
    {"ascii", "latin_1", "koi8_r", "koi8_u", "gbk", "gb18030", "big5", "euc_jp", "euc_kr"}
    | {"shift_jis", "cp932", "cp949"}
    | {f"iso8859_{part}" for part in range(2, 17)}
    | {f"cp125{page}" for page in range(9)}
)
_WHOLE_DIGITS: Final = 15  # a browser rounds longer ones
_PLAIN_DEPTH: Final = 5  # a receipt's own is three
_BLANKS: Final = " \t\n\r"
_BLANK = re.compile(f"[{_BLANKS}]*")

#: Ours for the words of Python's decoder, so that no version of it shows, nor any content.
_EXPECTED: Final[Mapping[str, str]] = {
    "Expecting ',' delimiter": "expected ','",
    "Expecting ':' delimiter": "expected ':'",
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": "expected a name in double quotes",
    "Unterminated string starting at": "unterminated string",
    "Extra data": "expected the end",
    "Invalid control character at": "a control character in a string",
}


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _WHOLE_DIGITS else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


# Raw control characters in strings are taken: an e-mail's text may bring them.
_TOLERANT: Final = json.JSONDecoder(
    parse_int=_whole, parse_float=_real, parse_constant=str, strict=False
)


def _no_constant(name: str) -> Any:
    raise PayloadError("not_json", f"{name} is no number of JSON's")


_STRICT: Final = json.JSONDecoder(parse_int=_whole, parse_float=_real, parse_constant=_no_constant)


def _nested(scalars: Any, depth: int) -> Any:
    """Return the type of the JSON values that are no deeper than `depth`."""
    if not depth:
        return scalars
    inner = _nested(scalars, depth - 1)
    return scalars | GenericAlias(list, (inner,)) | GenericAlias(dict, (str, inner))


#: As numbers go, what both decoders read alike; a sign counts as a digit.
_Short = Annotated[int, Meta(gt=-(10 ** (_WHOLE_DIGITS - 1)), lt=10**_WHOLE_DIGITS)]
_QUICK: Final = msgspec.json.Decoder(_nested(_Short | bool | str | None, _PLAIN_DEPTH))


class Text(Struct, frozen=True):
    """A decoded body. What doesn't decode stays as lone surrogates, so nothing is lost."""

    characters: str
    codec: str = "utf-8"
    errors: str = "surrogateescape"

    def slice_bytes(self, start: int, end: int) -> bytes:
        """Return the very bytes that these characters came in."""
        return self.characters[start:end].encode(self.codec, self.errors)

    @classmethod
    def of(cls, raw: bytes, charset: str = "") -> Self:
        """Decode by byte order mark, by zeros, by a known charset, else as UTF-8.

        Raises: PayloadError if the body claims UTF-16 or UTF-32 and isn't.
        """
        mark, codec = _shown_by(raw)
        if codec == "utf-8":
            named = cls._of_named(raw, charset) if charset and not mark else None
            return named or cls(raw[len(mark) :].decode(codec, "surrogateescape"))
        try:
            return cls(raw[len(mark) :].decode(codec, "surrogatepass"), codec, "surrogatepass")
        except UnicodeError as error:
            raise PayloadError("not_json", f"the body is no text in {codec}") from error

    @classmethod
    def _of_named(cls, raw: bytes, charset: str) -> Self | None:
        label = normalize_encoding(charset.strip(" \"'")[:20]).lower()
        codec = aliases.get(label, label)
        if codec not in _CHARSETS:
            return None
        try:
            text = raw.decode(codec, "surrogateescape")
            exact = text.encode(codec, "surrogateescape") == raw
        except UnicodeError:
            return None
        return cls(text, codec) if exact else None


def _shown_by(raw: bytes) -> tuple[bytes, str]:
    """Return the byte order mark of a body, if it has one, and the codec that it shows."""
    if raw.startswith(tuple(_MARKS)):
        return next(pair for pair in _MARKS.items() if raw.startswith(pair[0]))
    return b"", json.detect_encoding(raw) if 0 in raw[:4] else "utf-8"


def parse(text: str) -> Any:
    """Return the one JSON value of `text`. Raises: PayloadError; its message holds no content."""
    try:
        return _decoded(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise _too_deep() from None


def parse_strictly(text: str) -> Any:
    """Return the one JSON value of `text`, to the letter: no raw tabs in strings, no NaN.

    Raises: PayloadError; its message holds no content.
    """
    try:
        return _STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise _too_deep() from None


def split(text: str) -> Iterator[tuple[Any, int, int]]:
    """Yield the items of a JSON array and their places in `text`, one at a time.

    Raises: PayloadError, also after items were yielded: broken JSON is broken as a whole.
    """
    try:
        yield from _items(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise _too_deep() from None


def embedded(text: str) -> Any:
    """Return the JSON object or array that a string holds, else None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return _decoded(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _decoded(text: str) -> Any:
    """Return the value of `text`: at once if it is plain, as almost all is, else with patience."""
    try:
        return _QUICK.decode(text)
    except ValueError:  # msgspec's, or that of a lone surrogate
        return _TOLERANT.decode(text)


def starts_array(text: str) -> bool:
    """Tell whether the first character that counts opens an array."""
    return text.lstrip(_BLANKS).startswith("[")


def _items(text: str) -> Iterator[tuple[Any, int, int]]:
    at = _next(text, _next(text, 0) + 1)
    closed = text.startswith("]", at)
    while not closed:
        value, end = _TOLERANT.raw_decode(text, at)
        yield value, at, end
        at = _next(text, end)
        closed = text.startswith("]", at)
        if not closed and not text.startswith(",", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = at if closed else _next(text, at + 1)
    at = _next(text, at + 1)
    if at != len(text):
        raise json.JSONDecodeError("Extra data", text, at)


def _next(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def fault_of(error: json.JSONDecodeError) -> str:
    """Return where text is no JSON, and what stands there wrongly, in our words."""
    expected = _EXPECTED.get(error.msg, "not JSON from here")
    return f"line {error.lineno} column {error.colno}: {expected}"


def _not_json(error: json.JSONDecodeError) -> PayloadError:
    return PayloadError("not_json", fault_of(error))


def _too_deep() -> PayloadError:
    return PayloadError("unrecognised", "the body is nested too deeply")
