"""The change feed: what was written or deleted since a place in the log, as it is now.

A transaction's changes are shown once no older transaction is under way any more, in the order of
transactions, so that whoever goes on from the last place misses nothing, whatever commits when.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import Date, Row, Select, bindparam, select, text
from sqlalchemy.orm import Session

from receiver.store.deliveries import LISTED, OF_ITS_SEND
from receiver.store.tables import (
    DeliveryRow,
    MessageRow,
    PlatformEventRow,
    SendRow,
    table_of,
)

#: How long the feed remembers what was deleted.
REMEMBERED: Final = timedelta(days=7)

_NOTICES: Final = {"message": table_of(MessageRow), "event": table_of(PlatformEventRow)}
#: By kind, a query whose days are written out wherever it runs: no plan has other partitions.
_BY_ID: Final = {
    kind: select(*(column for column in table.columns if column.name != "raw")).where(
        table.c.day.in_(bindparam("days", type_=Date, literal_execute=True, expanding=True)),
        table.c.id.in_(bindparam("ids", expanding=True)),
        table.c.domain == bindparam("domain"),
    )
    for kind, table in _NOTICES.items()
}
_HORIZON: Final = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
#: Eight digits that change when a server comes back from a backup or a standby takes its place:
#: what was committed last can be lost then, and its numbers are given again.
_TIMELINE: Final = "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
_STATE: Final = text(f"""
    SELECT md5(generation || {_TIMELINE})::uuid AS generation, floor, {_HORIZON} AS horizon,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS end FROM feed
    """)
_LOG: Final = text(f"""
    SELECT xid, n, written_at, kind, cause, deleted, point_id, day, seqs, ids FROM changes
     WHERE domain = :domain AND (xid, n) >= (:xid, :n) AND xid < {_HORIZON}
       AND (:all_kinds OR CASE WHEN deleted THEN 'deletion' ELSE kind END = ANY(:kinds))
       AND (:all_points OR NOT deleted OR point_id = ANY(:points))
     ORDER BY xid, n LIMIT :rows
    """)
_NEWEST: Final = text(f"""
    SELECT d.domain, newest.xid, newest.n
      FROM unnest(CAST(:domains AS text[])) AS d(domain)
      LEFT JOIN LATERAL (
          SELECT c.xid, c.n FROM changes c WHERE c.domain = d.domain AND c.xid < {_HORIZON}
           ORDER BY c.xid DESC, c.n DESC LIMIT 1) newest ON true
    """)
#: The oldest transaction that writes holds the feed back; 0 where there is none.
_LAG: Final = text("""
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8
      FROM pg_stat_activity WHERE backend_xid IS NOT NULL
    """)
_TRIM: Final = """
    WITH gone AS (
        DELETE FROM changes WHERE (domain, xid, n) IN (
            SELECT domain, xid, n FROM changes WHERE deleted AND written_at < %s LIMIT %s)
        RETURNING xid)
    UPDATE feed SET floor = greatest(floor, (SELECT max(xid) + 1 FROM gone))
     WHERE EXISTS (SELECT FROM gone)
    """


_ARE_AHEAD: Final = """
    WITH RECURSIVE domains(name) AS (
        SELECT min(domain) FROM changes
        UNION ALL
        SELECT (SELECT min(domain) FROM changes WHERE domain > name) FROM domains
         WHERE name IS NOT NULL)
    SELECT coalesce(bool_or((SELECT max(xid) FROM changes WHERE domain = name)
                            >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint), false)
      FROM domains
    """

#: The transaction and the number of a row of the log; None where there is none.
Newest = tuple[int, int] | None


class Place(NamedTuple):
    """A place in the log: what comes next is at `at` of what one statement changed."""

    xid: int
    n: int
    at: int
    """How many things of that row of the log have been seen."""
    since: int
    """The horizon when whoever reads began: what was deleted before is none of theirs."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How far the feed goes, and which cursors are good."""

    generation: UUID
    floor: int
    horizon: int
    end: int

    @property
    def start(self) -> Place:
        """The place before everything."""
        return Place(0, 0, 0, self.horizon)

    @property
    def now(self) -> Place:
        """The place behind everything that can be seen."""
        return Place(self.horizon, 0, 0, self.horizon)

    def is_good(self, place: Place) -> bool:
        """Tell whether nothing was forgotten since, and the place is one of this database's."""
        return place.xid <= self.end and max(place.xid, place.since) >= self.floor


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a reader of the feed follows; what is empty narrows nothing."""

    domain: str
    kinds: Sequence[str] = ()
    point_ids: Collection[UUID] = ()
    """Those that the key may see, and of them those that are asked for."""
    tags: Sequence[str] = ()
    """Only deliveries have any."""


class Change(NamedTuple):
    """One thing that changed, as it is now; of what is deleted only its name is left."""

    after: Place
    """Where to go on behind it."""
    written_at: datetime
    kind: str
    cause: str
    deleted: bool
    name: int | UUID
    row: Any


class Page(NamedTuple):
    """Some changes, the place behind them, and whether that is behind everything there is."""

    changes: Sequence[Change]
    last: Place
    is_end: bool


class _Entry(NamedTuple):
    after: Place
    log: Row[Any]
    name: int | UUID


def feed(session: Session) -> Feed:
    """Return the state of the feed in the session's snapshot."""
    return Feed(*session.execute(_STATE).one())


def page(session: Session, wanted: Wanted, after: Place, *, limit: int) -> Page:
    """Return what changed behind a place, at most `limit` things, and the place to go on from.

    Each thing once, at its last change of the page. Where a filter leaves nothing of what was
    read the page is empty, and its place further on.
    """
    entries, last = _read(session, wanted, after, limit)
    latest = {(entry.log.kind, entry.log.deleted, entry.name): entry for entry in entries}
    rows = _present(session, wanted, latest.values())
    changes = (
        Change(
            entry.after,
            entry.log.written_at,
            entry.log.kind,
            entry.log.cause,
            entry.log.deleted,
            entry.name,
            rows.get((entry.log.kind, entry.name)),
        )
        for entry in sorted(latest.values(), key=lambda entry: entry.after)
    )
    shown = [change for change in changes if change.deleted or change.row is not None]
    if last is None:  # of everything that could be seen nothing is left to be read
        end = Place(feed(session).horizon, 0, 0, after.since)
        return Page(shown, max(after, end), is_end=True)
    return Page(shown, last, is_end=False)


def newest(session: Session, domains: Collection[str]) -> Mapping[str, Newest]:
    """Return by domain its newest row of the log that the feed shows."""
    found = session.execute(_NEWEST, {"domains": list(domains)})
    return {domain: None if xid is None else (xid, n) for domain, xid, n in found}


def lag_seconds(session: Session) -> float:
    """Return for how long the oldest transaction that writes has held the feed back."""
    return float(session.scalar(_LAG) or 0)


def mend(connection: psycopg.Connection[Any]) -> bool:
    """Begin the log anew where it was written by transactions that this server has yet to see.

    So it is after a dump was read into another one, which counts them anew. Return whether it was.
    """
    row = connection.execute(_ARE_AHEAD).fetchone()
    assert row
    if row[0]:
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SELECT derive_anew()")
    return bool(row[0])


def forget_deletions(
    connection: psycopg.Connection[Any], *, before: datetime, most: int = 1000
) -> int:
    """Drop deletions written before a moment, at most so many rows; older cursors end with that."""
    return connection.execute(_TRIM, [before, most]).rowcount


def _read(
    session: Session, wanted: Wanted, after: Place, limit: int
) -> tuple[list[_Entry], Place | None]:
    """Return the entries of a page, and the place behind them; None where all was read."""
    most = limit + 1
    parameters = {
        "domain": wanted.domain,
        "xid": after.xid,
        "n": after.n,
        "all_kinds": not wanted.kinds,
        "kinds": list(wanted.kinds),
        "all_points": not wanted.point_ids,
        "points": list(wanted.point_ids),
        "rows": most,
    }
    entries: list[_Entry] = []
    logs = session.execute(_LOG, parameters).all()
    for log in logs:
        names = log.seqs or log.ids
        seen = after.at if (log.xid, log.n) == (after.xid, after.n) else 0
        for place, name in enumerate(names[seen:], start=seen + 1):
            if len(entries) == limit:
                return entries, entries[-1].after
            entries.append(_Entry(Place(log.xid, log.n, place, after.since), log, name))
    return entries, entries[-1].after if len(logs) == most else None


def _present(
    session: Session, wanted: Wanted, entries: Iterable[_Entry]
) -> Mapping[tuple[str, int | UUID], Any]:
    """Return by kind and name what is there now and passes the filters."""
    alive = [entry for entry in entries if not entry.log.deleted]
    seqs = [entry.name for entry in alive if entry.log.kind == "delivery"]
    found: dict[tuple[str, int | UUID], Any] = {}
    for row in _deliveries(session, wanted, seqs):
        found["delivery", row.DeliveryRow.seq] = row
    if wanted.tags:
        return found
    for kind in _NOTICES:
        named = [entry for entry in alive if entry.log.kind == kind]
        for row in _notices(session, wanted, kind, named):
            found[kind, row.id] = row
    return found


def _deliveries(session: Session, wanted: Wanted, seqs: Sequence[Any]) -> Iterable[Row[Any]]:
    if not seqs:
        return ()
    query: Select[Any] = (
        select(*LISTED)
        .join_from(DeliveryRow, SendRow, OF_ITS_SEND)
        .where(DeliveryRow.seq.in_(seqs), DeliveryRow.domain == wanted.domain)
    )
    if wanted.point_ids:
        query = query.where(SendRow.point_id.in_(wanted.point_ids))
    if wanted.tags:
        query = query.where(SendRow.tag.in_(wanted.tags))
    return session.execute(query)


def _notices(
    session: Session, wanted: Wanted, kind: str, entries: Sequence[_Entry]
) -> Iterator[Row[Any]]:
    if not entries:
        return
    parameters = {
        "days": sorted({entry.log.day for entry in entries}),
        "ids": [entry.name for entry in entries],
        "domain": wanted.domain,
    }
    for row in session.execute(_BY_ID[kind], parameters):
        if not wanted.point_ids or row.point_id in wanted.point_ids:
            yield row
