"""Deliveries whose time is up: pending, and the patience of their channel is over.

No fact says so. The sweeper marks them, which the lists, the counts and the change feed show; a
receipt with an outcome, or of an unknown status, takes the mark away.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from receiver.domain.facts import State
from receiver.domain.status import OPEN

#: How far back a whole sweep looks, behind the patience, and how often there is one: it finds what
#: became known long after it was accepted. The others look at what is new since the last one.
REACH: Final = timedelta(days=7)
WHOLE_EVERY: Final = timedelta(hours=1)
OVERLAP: Final = timedelta(minutes=10)
#: So much of a time is looked at in one statement.
WINDOW: Final = timedelta(hours=1)
#: Deliveries that are marked in one transaction.
MOST: Final = 500

#: Under the lock of the send, as all that changes a delivery: else counts would drift. What is
#: being written at this moment is passed over: the next sweep looks at it again.
_MARK: Final = f"""
    WITH due AS (
        SELECT d.seq FROM sends s
          JOIN deliveries d ON d.send_seq = s.seq
         WHERE s.channel = %(channel)s AND s.accepted_at > %(since)s AND s.accepted_at <= %(until)s
           AND coalesce(s.requested_at, s.accepted_at) <= %(due_at)s
           AND NOT s.reports_elsewhere AND s.state NOT IN ('{State.REGISTERED}', '{State.REFUSED}')
           AND d.rank IN ({", ".join(map(str, sorted(OPEN)))}) AND d.also = '' AND NOT d.overdue
         LIMIT {MOST} FOR NO KEY UPDATE OF s, d SKIP LOCKED)
    UPDATE deliveries d SET overdue = true FROM due WHERE d.seq = due.seq
    """


class Sweeper:
    """Marks what has become overdue since its last sweep.

    It rests while facts wait in a spool: the receipt that is missed may be among them.
    """

    def __init__(
        self, patience: Mapping[str, timedelta], *, facts_wait: Callable[[], bool]
    ) -> None:
        self._patience = patience
        self._facts_wait = facts_wait
        self._swept_at: datetime | None = None
        self._swept_whole_at: datetime | None = None

    def sweep(self, connection: psycopg.Connection[Any], now: datetime) -> int:
        """Mark deliveries, in short transactions of their own; return how many."""
        if self._facts_wait():
            return 0
        whole = self._swept_whole_at is None or now - self._swept_whole_at >= WHOLE_EVERY
        since = now - REACH if whole or self._swept_at is None else self._swept_at - OVERLAP
        marked = 0
        for channel, patience in self._patience.items():
            due_at = now - patience
            in_time, told_late = (since - patience, due_at), (since, now)
            for reach in (in_time, told_late):
                for window in _windows(*reach):
                    marked += _mark_all(connection, channel, due_at, *window)
        self._swept_at = now
        self._swept_whole_at = now if whole else self._swept_whole_at
        return marked


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        yield since, min(since + WINDOW, until)
        since += WINDOW


def _mark_all(
    connection: psycopg.Connection[Any],
    channel: str,
    due_at: datetime,
    since: datetime,
    until: datetime,
) -> int:
    parameters = {"channel": channel, "due_at": due_at, "since": since, "until": until}
    marked = 0
    while True:
        with connection.transaction():
            connection.execute("SET LOCAL receiver.cause = 'overdue'")
            found = connection.execute(_MARK, parameters).rowcount
        marked += found
        if found < MOST:
            return marked
