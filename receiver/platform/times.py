"""Times in all the forms that the platform writes.

Source: CONTRACT.md 2.5 (forms), 9.11 (zones are not promised, odd offsets).
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Nine digits of seconds began in 1973; fourteen digits are a date without separators.
_UNIX = re.compile(r"(?P<s>\d{9,10})(?:\.(?P<part>\d{1,9}))?|(?P<ms>\d{12,13})|(?P<us>\d{16})")
_COMPACT = re.compile(r"\d{14}")
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?:T|\s+)(?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<part>\d+))?"
    r"\s*(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_RFC822 = re.compile(
    r"(?:[A-Z]{3},?\s+)?\d{1,2}\s+[A-Z]{3}\s+\d{4}\s+\d{1,2}:\d\d(?::\d\d)?(?:\s*[A-Z+0-9-]{1,5})?",
    re.ASCII | re.IGNORECASE,
)


def parse_time(text: str, zone: tzinfo) -> tuple[datetime | None, bool]:
    """Return the moment in UTC, and whether `zone` had to be assumed. None for what is no time.

    Never raises: neither for garbage, nor out of range, nor in a gap of `zone`.
    """
    try:
        parsed = _parse(text.strip()) if len(text) <= _LONGEST else None
        if parsed is None:
            return None, False
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=zone).astimezone(UTC), True
        return parsed.astimezone(UTC), False
    except (ValueError, OverflowError):  # a date that doesn't exist, or no longer in UTC
        return None, False


def _parse(text: str) -> datetime | None:
    if not text.isascii():
        return None
    if text[:8].isdigit():
        return _of_digits(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if match := _ISO.fullmatch(text):
            return _of_iso(match)
        return parsedate_to_datetime(text) if _RFC822.fullmatch(text) else None


def _of_digits(text: str) -> datetime | None:
    if _COMPACT.fullmatch(text):
        return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
    match = _UNIX.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text) if "T" in text else None
    if match["s"]:
        return _EPOCH + timedelta(
            seconds=int(match["s"]), microseconds=_microseconds(match["part"])
        )
    return _EPOCH + timedelta(
        milliseconds=int(match["ms"] or 0), microseconds=int(match["us"] or 0)
    )


def _of_iso(match: re.Match[str]) -> datetime:
    """Return what Python can't read: `+5:30`, blanks before the zone, a zone in letters."""
    naive = datetime.fromisoformat(f"{match['date']}T{match['time']}")
    return naive.replace(microsecond=_microseconds(match["part"]), tzinfo=_zone_of(match))


def _zone_of(match: re.Match[str]) -> timezone | None:
    if match["zone"] is None:
        return None
    if match["sign"] is None:
        return UTC
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)


def _microseconds(part: str | None) -> int:
    return int(f"{part or '':0<6}"[:6])
