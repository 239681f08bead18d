"""Lines of logs that are past their time, and of which nothing is left that they speak of."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, Final

import psycopg

from receiver.store.retention.gone import Gone, keep_in_mind, midnight

#: Lines that are looked at in one statement; each can speak of some hundred deliveries.
PIECE: Final = 200
_LAST: Final = 2**63 - 1

_LINES: Final = """
    SELECT domain, xid, n, written_at FROM changes WHERE (domain, xid, n) > (%s, %s, %s)
     ORDER BY domain, xid, n LIMIT %s
    """
#: Whoever reads from the beginning is shown what is still there, so only that has to stay; what
#: the log says of deletions the feed forgets by itself.
_DELETE_CHANGES: Final = """
    DELETE FROM changes c
     WHERE (domain, xid, n) IN (
               SELECT * FROM unnest(%(domains)s::text[], %(xids)s::bigint[], %(ns)s::bigint[]))
       AND NOT deleted
       AND CASE kind WHEN 'delivery'
               THEN NOT EXISTS (SELECT FROM deliveries d WHERE d.seq = ANY(c.seqs))
               WHEN 'message' THEN day <> ALL(%(messages)s::date[])
               ELSE day <> ALL(%(events)s::date[]) END
    """
_DELETE_AUDIT: Final = """
    DELETE FROM audit_log WHERE seq IN (
        SELECT seq FROM (SELECT seq, at FROM audit_log ORDER BY seq LIMIT %s) oldest WHERE at < %s)
    """


def remove_changes(
    connection: psycopg.Connection[Any],
    *,
    before: date,
    messages: Collection[date],
    events: Collection[date],
) -> Iterator[Gone]:
    """Remove what the log of changes says, before a day, of nothing that is left.

    `messages` and `events` are the days that are. Yields after each piece.
    """
    end = midnight(before)
    place: tuple[str, int, int] = ("", 0, 0)
    while lines := connection.execute(_LINES, [*place, PIECE]).fetchall():
        old = [line for *line, written_at in lines if written_at < end]
        if old:
            domains, xids, ns = (list(column) for column in zip(*old, strict=True))
            parameters = {"domains": domains, "xids": xids, "ns": ns}
            days = {"messages": list(messages), "events": list(events)}
            yield Gone("changes", connection.execute(_DELETE_CHANGES, parameters | days).rowcount)
        domain, xid, n, written_at = lines[-1]
        # the rest of this domain is younger
        place = (domain, xid, n) if written_at < end else (domain, _LAST, _LAST)


def remove_audit(connection: psycopg.Connection[Any], *, before: date) -> Iterator[Gone]:
    """Remove what the audit log says before a day, some lines at a time."""
    end = midnight(before)
    while gone := connection.execute(_DELETE_AUDIT, [PIECE, end]).rowcount:
        keep_in_mind(connection, "audit", before)
        yield Gone("audit", gone)
