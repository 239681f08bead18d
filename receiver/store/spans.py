"""Spans of time as spans of `seq`, the order of lists: no list walks to its window from afar.

`known_at` rises with `seq`, so halving finds the place of a moment by some dozens of look-ups in
the primary key. Neighbours may be out of order by what a transaction takes, and other clocks than
the server's by their error: a span is two minutes wider at either end than it need be, and what is
narrowed by it still has to look at the times themselves.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from receiver.store.tables import LATE, DeliveryRow, SendRow

SLACK: Final = timedelta(minutes=2)
_PLACE: Final = """(
    WITH RECURSIVE halves(low, high) AS (
        SELECT 0::bigint, coalesce(max(seq), 0) + 1 FROM {table}
        UNION ALL
        SELECT CASE WHEN found.known_at < :{moment} THEN found.seq + 1 ELSE low END,
               CASE WHEN found.known_at < :{moment} THEN high ELSE (low + high) / 2 END
          FROM halves, LATERAL (
              SELECT seq, known_at FROM {table} WHERE seq >= (low + high) / 2 ORDER BY seq LIMIT 1
              ) found
         WHERE low < high)
    SELECT max(low) FROM halves)"""
#: Of sends that were accepted in the window and learnt of late, the last. Without OFFSET Postgres
#: would look for it from the newest of all sends on.
_LAST_LATE: Final = f"""(
    SELECT max(seq) FROM (
        SELECT seq FROM sends
         WHERE {LATE.text} AND accepted_at < :until
           AND accepted_at >= coalesce(:since, '-infinity'::timestamptz) OFFSET 0) late)"""


def _bounds(table: str, *, late: str) -> str:
    low, high = (_PLACE.format(table=table, moment=moment) for moment in ("low", "high"))
    return f"SELECT {low}, greatest({high}, {late} + 1)"


OF_SENDS: Final = text(_bounds("sends", late=_LAST_LATE))
OF_DELIVERIES: Final = text(_bounds("deliveries", late="NULL::bigint"))


def of_sends(
    session: Session, since: datetime | None, until: datetime | None
) -> Sequence[ColumnElement[bool]]:
    """Return the span of `seq` that holds all sends accepted in a window; None leaves it open."""
    return _span(session, SendRow.seq, OF_SENDS, since, until)


def of_deliveries(
    session: Session, since: datetime | None, until: datetime | None
) -> Sequence[ColumnElement[bool]]:
    """Return the span of `seq` that holds all deliveries learnt of in a window."""
    return _span(session, DeliveryRow.seq, OF_DELIVERIES, since, until)


def _span(
    session: Session,
    seq: InstrumentedAttribute[int],
    bounds: Any,
    since: datetime | None,
    until: datetime | None,
) -> Sequence[ColumnElement[bool]]:
    if since is None and until is None:
        return ()
    asked = {
        "since": since,
        "until": until,
        "low": since and since - SLACK,
        "high": until and until + SLACK,
    }
    low, high = session.execute(bounds, asked).one()
    above = [] if since is None else [seq >= literal(low)]
    return above if until is None else [*above, seq < literal(high)]


def literal(number: int) -> ColumnElement[int]:
    """Return a number that is written out, so that every plan is made for it."""
    return bindparam(None, number, type_=BigInteger(), literal_execute=True, unique=True)
