"""Times in and out: RFC 3339, always with a zone; out always in UTC."""

import re
from datetime import UTC, datetime
from typing import Final

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_YEARS: Final = range(1970, 2200)


def utc(moment: datetime) -> str:
    """Return a moment with milliseconds, or with microseconds where it has some."""
    timespec = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def utc_or_none(moment: datetime | None) -> str | None:
    """Return a moment as `utc` does, None where there is none."""
    return None if moment is None else utc(moment)


def read_time(text: str) -> datetime:
    """Return the moment in UTC. Raises: ValueError with a sentence that may be shown."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be a time with a zone, like 2026-07-20T17:13:17Z")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no time that exists") from None
    if moment.year not in _YEARS:
        raise ValueError(f"must lie in the years {_YEARS[0]} to {_YEARS[-1]}")
    return moment
