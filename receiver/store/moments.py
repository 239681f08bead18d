"""Moments as integration points show them: in UTC, with two decimals. Source: CONTRACT.md 8."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """Return a moment like 2019-08-28T13:34:16.42Z; what is finer is cut off."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 10_000:02d}Z"


def read(text: str | None) -> datetime | None:
    """Return the moment that a stamp is, None where there is none."""
    return None if text is None else datetime.fromisoformat(text)
