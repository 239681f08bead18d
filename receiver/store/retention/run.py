"""Once a day all that is past its time goes, in an order in which nothing is missed meanwhile."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

import psycopg

from receiver.store import partitions
from receiver.store.retention import days, families, logs
from receiver.store.retention.gone import Gone

#: So long it works at once, and then others have their turn; a step more, at the most.
TURN_SECONDS: Final = 1.0
#: When it looks again after what it could not have.
AGAIN_SECONDS: Final = 60.0

#: By what is kept, how long; None is for ever.
Keep = Mapping[str, timedelta | None]


def remove(connection: psycopg.Connection[Any], keep: Keep, today: date) -> Iterator[Gone]:
    """Remove what is past its time on a day; yield after each piece.

    Families go before the receipts that they are made of.
    """
    before = {what: today - kept for what, kept in keep.items() if kept is not None}
    if "deliveries" in before:
        until = today + families.REMEMBERED
        oldest = yield from families.remove(connection, before=before["deliveries"], until=until)
        if "receipts" in before:
            before["receipts"] = min(before["receipts"], oldest)
    for what in filter(before.get, days.TABLES):
        yield from days.remove(
            connection,
            what,
            before=before[what],
            may_go=partial(_may_go, connection, what),
        )
    if "quarantine" in before:
        still_there = _days(connection, days.TABLES["quarantine"])
        yield from days.remove_states(connection, before=before["quarantine"], left=still_there)
    told = [before[what] for what in ("deliveries", "messages", "events") if what in before]
    if told:
        left = {what: _days(connection, days.TABLES[what]) for what in ("messages", "events")}
        yield from logs.remove_changes(connection, before=max(told), **left)
    if "audit" in before:
        yield from logs.remove_audit(connection, before=before["audit"])
    yield from families.forget(connection, today=today)


def _may_go(connection: psycopg.Connection[Any], what: str, day: date) -> bool:
    return what != "receipts" or not families.needs(connection, day)


def _days(connection: psycopg.Connection[Any], table: str) -> list[date]:
    return [each.day for each in partitions.list_(connection, table)]


class Retention:
    """Removes what is past its time: a run a day, some of it each time that it is asked to work."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._run: Iterator[Gone] | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._removed: Counter[str] = Counter()
        self._day, self._done = date.min, False  # of the last run
        self._again_at = 0.0

    def work(self, connection: psycopg.Connection[Any]) -> Mapping[str, int]:
        """Work for a second or two, where there is something to do.

        Returns how much of what went, once a run is over. Raises psycopg.Error; some time after
        that it begins anew.
        """
        if self._run is None or connection is not self._connection:
            self._begin(connection, datetime.now(UTC).date())
        run, self._run = self._run, None  # one that fails is none any more
        if run is None:
            return {}
        ends_at = time.monotonic() + TURN_SECONDS
        for what, number in run:
            self._removed[what] += number
            if time.monotonic() >= ends_at:
                self._run = run
                return {}
        self._done = not self._removed["postponed"]
        return +self._removed

    def _begin(self, connection: psycopg.Connection[Any], today: date) -> None:
        """Begin a run, unless that of the day is done, or could not go on a moment ago."""
        self._run = None
        if (self._done and self._day == today) or time.monotonic() < self._again_at:
            return
        self._run = remove(connection, self._keep, today)
        self._connection = connection
        self._removed.clear()
        self._day, self._done = today, False
        self._again_at = time.monotonic() + AGAIN_SECONDS
