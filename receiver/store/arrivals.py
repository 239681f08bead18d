"""Lists of what arrived: one way through the tables with a partition for each day."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Select,
    Text,
    TextClause,
    bindparam,
    cast,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from receiver.store.admin_tables import IntegrationPoint
from receiver.store.tables import Arrived, table_of, text_by_day

#: Of raw bodies so many bytes are read at once, but one in any case.
MOST_RAW_BYTES: Final = 16 << 20
#: No index has the order of time, only blocks and days do: so the newest are looked for in spans
#: that grow, the last without an end, and most lists are full after the first.
HOURS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=24), timedelta(days=576))
#: Of what an index leads to in each day.
DAYS: Final = (timedelta(days=1), timedelta(days=24))
#: Of so few that no page is full before the last.
AT_ONCE: Final[Sequence[timedelta]] = ()
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)

#: Time and id of the last that was shown.
Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Which part of a table is wanted: whose, accepted when, and how much of it."""

    domain: str
    point_ids: Collection[UUID] = ()
    """The points that the caller is narrowed to; none means all."""
    points: Sequence[str] = ()
    """Codes or ids of points that are sought."""
    since: datetime | None = None
    until: datetime | None = None
    """Accepted before this."""
    before: Place | None = None
    limit: int

    def within(self, first: date, last: date) -> "Excerpt":
        """Return what of it lies in these days."""
        since, until = _midnight(first), _midnight(last + _DAY)
        return replace(
            self,
            since=max(since, self.since) if self.since else since,
            until=min(until, self.until) if self.until else until,
        )


def newest(
    session: Session,
    row: type[Arrived],
    columns: Sequence[Any],
    conditions: Sequence[ColumnElement[bool]],
    *,
    excerpt: Excerpt,
    spans: Sequence[timedelta],
) -> Sequence[Row[Any]]:
    """Return rows, the newest first by the time they were accepted, then by id.

    The columns have those of the key. What came twice around midnight is shown as it came first.
    """
    query = select(*columns).where(*_allowed(row, excerpt), *conditions)
    found: list[Row[Any]] = []
    for since, until in _spanned(excerpt, spans):
        span = query.where(*_between(row, since, until))
        found += _once(session, row, span, replace(excerpt, limit=excerpt.limit - len(found)))
        if len(found) == excerpt.limit:
            break
    return found


def _once(
    session: Session, row: type[Arrived], query: Select[Any], excerpt: Excerpt
) -> Sequence[Row[Any]]:
    """Return rows of one span, each once: what is left out is made up for by what follows."""
    found: list[Row[Any]] = []
    before, wanted = excerpt.before, excerpt.limit
    while wanted:
        page = query.order_by(*_order(row)).limit(wanted)
        if before is not None:
            page = page.where(tuple_(row.accepted_at, row.id) < tuple_(*before))
        rows = session.execute(page).all()
        known = _known_the_day_before(session, row, rows)
        found += [each for each in rows if (each.digest, each.day - _DAY) not in known]
        if len(rows) < wanted:
            break
        wanted = excerpt.limit - len(found)
        before = rows[-1].accepted_at, rows[-1].id
    return found


def _known_the_day_before(
    session: Session, row: type[Arrived], found: Sequence[Row[Any]]
) -> Collection[tuple[bytes, date]]:
    """Return digest and day of what came on the day before some rows, and is the same."""
    if not found:
        return ()
    first, *_ = _key_names(row)
    if first == "digest":  # what is in quarantine is as often there as it came
        return ()
    days = [each.day - _DAY for each in found]
    given = {
        "keys": [getattr(each, first) for each in found],
        "digests": [each.digest for each in found],
        "dates": days,
        "days": sorted(set(days)),
    }
    return {(each.digest, each.day) for each in session.execute(_same(row), given)}


@cache
def _same(row: type[Arrived]) -> TextClause:
    """Return the query for which of some keys there are."""
    first, *_ = _key_names(row)
    return text_by_day(f"""
        SELECT digest, day FROM {table_of(row).name}
          JOIN unnest(CAST(:keys AS text[]), CAST(:digests AS bytea[]), CAST(:dates AS date[]))
               AS given({first}, digest, day) USING ({first}, digest, day)
         WHERE day IN :days
        """)


def raw_bodies(
    session: Session, row: type[Arrived], found: Sequence[Row[Any]]
) -> Mapping[UUID, bytes]:
    """Return the raw bodies of the first rows of a list by their ids: as many as fit at once.

    The rows have the columns of their table's key.
    """
    names = _key_names(row)
    key = tuple_(*(table_of(row).c[name] for name in names))
    wanted = [tuple(getattr(each, name) for name in names) for each in found]
    size = func.octet_length(row.raw)
    total = func.sum(size).over(order_by=_order(row))
    sized = (
        select(row.id, row.raw, size.label("size"), total.label("total"))
        .where(key.in_(wanted), row.day.in_([_written(each.day) for each in found]))
        .subquery()
    )
    fits = or_(sized.c.total <= MOST_RAW_BYTES, sized.c.total == sized.c.size)
    rows = session.execute(select(sized.c.id, sized.c.raw).where(fits))
    return {row.id: row.raw for row in rows}


def _key_names(row: type[Arrived]) -> Sequence[str]:
    return [column.name for column in table_of(row).primary_key.columns]


def matching(row: type[Arrived], excerpt: Excerpt) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of an excerpt, whatever its place and limit."""
    yield from _allowed(row, excerpt)
    yield from _between(row, excerpt.since, excerpt.until and excerpt.until - _TICK)


def _allowed(row: type[Arrived], excerpt: Excerpt) -> Iterator[ColumnElement[bool]]:
    yield row.domain == excerpt.domain
    if excerpt.point_ids:
        yield row.point_id.in_(excerpt.point_ids)
    if excerpt.points:
        point = IntegrationPoint
        named = or_(point.code.in_(excerpt.points), cast(point.id, Text).in_(excerpt.points))
        yield row.point_id.in_(select(point.id).where(point.domain == excerpt.domain, named))


def _order(row: type[Arrived]) -> Sequence[Any]:
    return row.accepted_at.desc(), row.id.desc()


def _spanned(
    excerpt: Excerpt, spans: Sequence[timedelta]
) -> Iterator[tuple[datetime | None, datetime | None]]:
    """Yield the ends of spans, the newest first, that together hold all that is sought."""
    ends = [excerpt.until and excerpt.until - _TICK, excerpt.before and excerpt.before[0]]
    until = min((end for end in ends if end), default=None)
    start = until or datetime.now(UTC)
    for span in spans:
        start = start - span
        if excerpt.since and start <= excerpt.since:
            break
        yield start, until
        until = start - _TICK
    yield excerpt.since, until


def _between(
    row: type[Arrived], since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of a span with both its ends; None leaves one open."""
    if since is not None:
        yield row.accepted_at >= since
        yield row.day >= _written(since.astimezone(UTC).date())
    if until is not None:
        yield row.accepted_at <= until
        yield row.day <= _written(until.astimezone(UTC).date())


def _written(day: date) -> ColumnElement[date]:
    """Write a day out wherever the query runs, so that no kept plan of it has other partitions."""
    return bindparam(None, day, type_=Date, literal_execute=True)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
