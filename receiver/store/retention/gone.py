"""What has gone: how much of it, and from which day on everything is there."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

_KEEP_IN_MIND: Final = """
    INSERT INTO kept_from AS k (what, day) VALUES (%s, %s)
    ON CONFLICT (what) DO UPDATE SET day = excluded.day WHERE k.day < excluded.day
    """
_KEPT_FROM: Final = text("SELECT what, day FROM kept_from")


class Gone(NamedTuple):
    """So many of one kind went in one step."""

    what: str
    number: int


def midnight(day: date) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time(), UTC)


def keep_in_mind(connection: psycopg.Connection[Any], what: str, day: date) -> None:
    """Write down that from a day on everything of one kind is there, and before it not."""
    connection.execute(_KEEP_IN_MIND, [what, day])


def kept_from(session: Session) -> Mapping[str, date]:
    """Return by kind the day from which on everything is there; what never went is not named."""
    return {what: day for what, day in session.execute(_KEPT_FROM)}  # noqa: C416  rows are no pairs
