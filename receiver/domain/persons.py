"""Finding a person: every spelling of a number or an address, in texts, JSON and raw bodies.

Who is sought is known by folded keys alone, so that a keyed hash can stand in for them. A number
is found wherever its digits stand together, an address of mail too; any other name where it is a
whole value, and as a word if it is long enough to mean nothing else.
"""

import html
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Self
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from receiver.domain.identity import destination_key

#: What a pseudonym begins with.
ERASED: Final = "erased:"
_SHORTEST_WORD: Final = 8
_FEWEST_DIGITS: Final = 7
_MOST_DIGITS: Final = 20
_MOST_BYTES: Final = 256 * 1024 * 1024
_CHUNK_BYTES: Final = 16 * 1024

#: What may stand between the digits of a number: blanks, hyphens and dashes, brackets, points.
_BETWEEN: Final = r"\s()./+_\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-"
_RUN: Final = re.compile(rf"[0-9](?:[{_BETWEEN}]{{0,3}}[0-9]+)*")
_DIGITS: Final = re.compile(r"[0-9]+")
_MAIL: Final = re.compile(
    r"[^\s\"'<>(),;:\\\[\]{}=&|/?@]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]"
)
_WORD: Final = re.compile(rf"[^\s\"'<>(),;=&\[\]{{}}|\\]{{{_SHORTEST_WORD},512}}")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.){1,512})"')
_ESCAPE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BLANKS: Final = frozenset("nrtbf")
_COMPRESSED: Final = re.compile(rb"[\x01-\x08\x0e-\x1f]")

#: From a folded key to the pseudonym of whoever has it.
Lookup = Callable[[str], str | None]
Span = tuple[int, int, str]


def folded(value: str) -> str:
    """Return what all spellings of one address share: digits of a number, else lower case."""
    return destination_key(value.strip()).casefold()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by a number or an address, as written, and by all folded keys that this can be."""

    written: str = field(repr=False)
    forms: Sequence[str] = field(repr=False)

    @classmethod
    def known_by(cls, written: str, keys: Sequence[str], region: str) -> Self:
        """Return a person by keys: to those of numbers come others, with and without country.

        `region` is where numbers may be written without it; empty for nowhere.
        """
        forms = dict.fromkeys(folded(key) for key in keys)
        for key in list(forms):
            if is_number(key):
                forms |= dict.fromkeys(_spelled(key, region))
        return cls(written, list(forms))


def is_number(key: str) -> bool:
    """Tell whether a folded key is that of a number."""
    return key.isascii() and key.isdigit() and len(key) >= _FEWEST_DIGITS


def _spelled(digits: str, region: str) -> Iterator[str]:
    """Yield the digits of a number as it is written at home, and with `(0)` behind its country."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except NumberParseException:
        return
    if not phonenumbers.is_possible_number(number):
        return
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    at_home = "".join(_DIGITS.findall(national))
    if phonenumbers.country_code_for_region(region) == number.country_code:
        yield at_home
    if at_home.startswith("0"):
        yield f"{number.country_code}{at_home}"


class Finder:
    """Finds those whom `lookup` knows, and puts their pseudonyms in their place."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lru_cache(maxsize=4096)(lookup)

    def among(self, pseudonyms: Collection[str]) -> "Finder":
        """Return what finds those of them who have one of these pseudonyms."""

        def lookup(key: str) -> str | None:
            name = self._lookup(key)
            return name if name in pseudonyms else None

        return Finder(lookup)

    def name(self, value: str) -> str | None:
        """Return the pseudonym for an address that is wholly one of theirs."""
        key = destination_key(value.strip())
        pseudonym = self._lookup(key.casefold()) if key else None
        return pseudonym and pseudonym + _cased(key)

    def finds(self, address: str) -> bool:
        """Tell whether an address is theirs, or has one of theirs in it."""
        return self.name(address) is not None or (
            not is_number(folded(address)) and self.scrub(address) != address
        )

    def scrub(self, text: str) -> str:
        """Return a text with pseudonyms for addresses; one that hides an address is lost whole."""
        if whole := self.name(text):
            return whole
        clean = _replaced(text, list(self._spans(text)))
        hidden = (span for reading in _readings(clean) for span in self._spans(reading))
        return next((pseudonym for *_, pseudonym in hidden), clean)

    def scrub_all(self, value: Any) -> Any:
        """Return JSON with all its texts scrubbed, names and numbers too."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, Mapping):
            return {self.scrub(key): self.scrub_all(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.scrub_all(part) for part in value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            said = self.scrub(str(value))
            return value if said == str(value) else said
        return value

    def is_value_in(self, value: Any) -> bool:
        """Tell whether JSON has one of their addresses as a value."""
        if isinstance(value, Mapping):
            value = list(value.values())
        if isinstance(value, list | tuple):
            return any(self.is_value_in(part) for part in value)
        return isinstance(value, str) and self.name(value) is not None

    def holds(self, raw: bytes) -> bool:
        """Tell whether a body has one of their addresses in it, compressed or escaped too."""
        for text in _texts_of(raw):
            for reading in (text, *_readings(text)):
                quoted = (self.name(found[1]) for found in _QUOTED.finditer(reading))
                if any(self._spans(reading)) or any(quoted):
                    return True
        return False

    def _spans(self, text: str) -> Iterator[Span]:
        """Yield where addresses stand in a text."""
        for run in _RUN.finditer(text):
            yield from self._numbers(run)
        for pattern in (_MAIL, _WORD):
            for found in pattern.finditer(text):
                word = found[0].rstrip(".:!?")
                if pseudonym := self.name(word):
                    yield found.start(), found.start() + len(word), pseudonym

    def _numbers(self, run: re.Match[str]) -> Iterator[Span]:
        """Yield the numbers in a run of digits, which can be several in a row."""
        groups = list(_DIGITS.finditer(run[0]))
        for first, begin in enumerate(groups):
            digits = ""
            for group in groups[first:]:
                digits += group[0]
                if len(digits) > _MOST_DIGITS:
                    break
                key = digits.removeprefix("00")
                if len(key) >= _FEWEST_DIGITS and (pseudonym := self._lookup(key)):
                    start = run.start() + begin.start()
                    start -= run.string[:start].endswith("+")
                    yield start, run.start() + group.end(), pseudonym


def _cased(key: str) -> str:
    """Return what parts spellings that the ledger takes for two: which letters are capitals."""
    capitals = "".join("1" if letter != letter.casefold() else "0" for letter in key)
    return f".{int(capitals, 2):x}" if "1" in capitals else ""


def _replaced(text: str, spans: Sequence[Span]) -> str:
    parts, at = [], 0
    for start, end, pseudonym in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= at:
            parts += [text[at:start], pseudonym]
            at = end
    return "".join([*parts, text[at:]])


def _readings(text: str) -> Sequence[str]:
    """Return a text as it reads without escapes: those of JSON, then those of URLs or HTML."""
    if not any(sign in text for sign in "\\%&"):
        return ()
    plain = _ESCAPE.sub(_unescaped, text)
    return [each for each in (plain, unquote(plain), html.unescape(plain)) if each != text]


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return " " if found[2] in _BLANKS else found[2]


def _texts_of(raw: bytes) -> Iterator[str]:
    """Yield what a body says. Of UTF-16 and UTF-32 what is ASCII is enough to be found by."""
    yield raw.replace(b"\0", b"").decode("utf-8", "replace")
    if _COMPRESSED.search(raw):
        for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
            if inflated := _inflated(raw, window):
                yield inflated.replace(b"\0", b"").decode("utf-8", "replace")


def _inflated(raw: bytes, window: int) -> bytes:
    """Return as much as can be unzipped of one or more streams."""
    parts: list[bytes] = []
    stream, size = zlib.decompressobj(window), 0
    rest = raw
    try:
        while rest and size < _MOST_BYTES:
            parts.append(stream.decompress(rest[:_CHUNK_BYTES], _MOST_BYTES))
            size += len(parts[-1])
            rest = stream.unused_data + rest[_CHUNK_BYTES:]
            if stream.eof:
                rest = rest.lstrip(b"\0")
                stream = zlib.decompressobj(window)
    except zlib.error:
        pass  # what came before the fault can be read
    return b"".join(parts)
