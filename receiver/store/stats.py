"""Counts over time: rollups, and the deltas that are not folded into them yet.

Both are read in one snapshot, and a delta leaves in the transaction that adds it to the rollups,
so their sum is what the ledger of that snapshot holds.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row, namedtuple_row
from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from receiver.domain.counts import MEASURES, Counts
from receiver.domain.errors import SlowQueryError
from receiver.store.rows import dumps


class Grain(StrEnum):
    """How long a bucket of time is, in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """Return how long a bucket is."""
        return _LENGTHS[self]

    def floor(self, at: datetime) -> datetime:
        """Return the beginning of the bucket that a moment lies in."""
        return at - (at - _EPOCH) % self.length


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS: Final = {
    Grain.MINUTE: timedelta(minutes=1),
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(days=1),
}
#: What stands for no point, in a rollup.
NO_POINT: Final = UUID(int=0)
#: The rank of what is counted by its state: sends.
NO_RANK: Final = -1
#: What things can be told apart by, and what a rollup holds that doesn't.
DIMENSIONS: Final[Mapping[str, Any]] = {
    "point_id": NO_POINT,
    "channel": "",
    "sender": "",
    "tag": "",
    "rank": NO_RANK,
    "code": "",
    "carrier": "",
}
#: Of deliveries alone: who asks by one of them is told of no sends.
_OF_DELIVERIES: Final = frozenset({"rank", "code", "carrier"})
#: Rollups are kept for these sets of dimensions; any other is added up from all of them.
_EVERYTHING: Final = frozenset(DIMENSIONS)
_KEPT: Final = (frozenset[str](), *(frozenset({name}) for name in DIMENSIONS), _EVERYTHING)
#: Deltas that are folded at once; more wait for the next time.
MOST_FOLDED: Final = 5_000
#: So long minutes are told apart; hours and days stay.
MINUTES_KEPT: Final = timedelta(days=8)
#: Rollups, and kinds of deltas, that one answer may be added up from.
MOST_READ: Final = 50_000
#: So many are added up before whoever else waits has a turn.
_A_TURN: Final = 1_000

_NAMES: Final = ", ".join(DIMENSIONS)
_KINDS: Final = "state, conflict, overdue, latency"
_KNOWN: Final = f"""coalesce(point_id, '{NO_POINT}') AS point_id, channel, sender, tag,
       coalesce(rank, {NO_RANK}) AS rank, code, carrier, {_KINDS}, sum(n)::bigint AS n"""
_APART: Final = f"{_NAMES}, {_KINDS}"
_TAKE: Final = f"""
    WITH taken AS (
        DELETE FROM deltas WHERE id IN (SELECT id FROM deltas ORDER BY id LIMIT %(most)s)
        RETURNING *)
    SELECT domain, minute, {_KNOWN}, (SELECT count(*) FROM taken) AS taken
      FROM taken GROUP BY domain, minute, {_APART}
    """
_KEY: Final = ("domain", "grain", "told", "at", *DIMENSIONS)
_COLUMNS: Final = ", ".join((*_KEY, *MEASURES, "latencies"))
_ADD: Final = f"""
    INSERT INTO rollups AS k ({_COLUMNS}) SELECT {_COLUMNS}
      FROM jsonb_populate_recordset(NULL::rollups, %(rows)s::jsonb) ORDER BY {", ".join(_KEY)}
    ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
           {", ".join(f"{name} = k.{name} + excluded.{name}" for name in MEASURES)},
           latencies = add_each(k.latencies, excluded.latencies)
    """
_ROLLUPS: Final = text(f"""
    SELECT at, {_NAMES}, {", ".join(MEASURES)}, latencies FROM rollups
     WHERE domain = :domain AND grain = :grain AND told = :told
       AND at >= :since AND at < :until AND (:all_points OR point_id = ANY(:points))
     LIMIT :most
    """)
_DELTAS: Final = """
    SELECT date_trunc(:grain, minute, 'UTC') AS at, {named} coalesce(rank, {no_rank}) AS rank,
           {kinds}, sum(n)::bigint AS n FROM deltas
     WHERE domain = :domain AND minute >= :since AND minute < :until
       AND (:all_points OR point_id = ANY(:points))
     GROUP BY 1, {names} rank, {kinds} LIMIT :most
    """
#: Dimensions that whoever sends gives a name.
_NAMED: Final = ("sender", "tag", "code", "carrier")
_IS_NAMED: Final = f"domain = %(domain)s AND concat_ws(E'\\n', {', '.join(_NAMED)}) ~* %(pattern)s"
_NAMED_DELTAS: Final = (
    f"SELECT id, {', '.join(_NAMED)} FROM deltas WHERE {_IS_NAMED} ORDER BY id FOR UPDATE"
)
_RENAME_DELTAS: Final = f"""
    UPDATE deltas d SET {", ".join(f"{name} = f.{name}" for name in _NAMED)}
      FROM jsonb_populate_recordset(NULL::deltas, %(rows)s::jsonb) f WHERE d.id = f.id
    """
_TAKE_NAMED: Final = f"DELETE FROM rollups WHERE {_IS_NAMED} RETURNING *"
_FORGET_MINUTES: Final = """
    DELETE FROM rollups WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM rollups WHERE grain = 'minute' AND at < %s LIMIT 5000))
    """

#: The beginning of a bucket, and the values of the dimensions that are told apart.
Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which counts are wanted: from `since` on and before `until`, each where a bucket begins."""

    domain: str
    grain: Grain
    since: datetime
    until: datetime
    by: Sequence[str] = ()
    """Dimensions to tell apart."""
    point_ids: Collection[UUID] = ()


def read(session: Session, asked: Asked) -> Mapping[Key, Counts]:
    """Return the counts by the beginning of their bucket and the dimensions asked for.

    Exact for the snapshot of the session. Raises: SlowQueryError.
    """
    wanted = {*asked.by, *(["point_id"] if asked.point_ids else [])}
    kept = next(names for names in _KEPT if wanted <= names)
    parameters = {
        "domain": asked.domain,
        "grain": asked.grain.value,
        "told": _told(kept),
        "since": asked.since,
        "until": asked.until,
        "all_points": not asked.point_ids,
        "points": list(asked.point_ids),
        "most": MOST_READ + 1,
    }
    found: dict[Key, Counts] = defaultdict(Counts)
    for row in _in_turns(session, _ROLLUPS, parameters):
        if kept != _EVERYTHING or _is_told(row.rank, wanted):
            found[row.at, *(getattr(row, name) for name in asked.by)].add(row)
    for delta in _in_turns(session, _deltas(tuple(asked.by)), parameters):
        if _is_told(delta.rank, wanted):
            _add(found[delta.at, *(getattr(delta, name) for name in asked.by)], delta)
    return found


def _in_turns(
    session: Session, query: TextClause, parameters: Mapping[str, Any]
) -> Iterator[Row[Any]]:
    """Yield rows, and let whoever else waits have a turn now and then. Raises: SlowQueryError."""
    rows = session.execute(query, parameters, execution_options={"yield_per": _A_TURN})
    for number, row in enumerate(rows):
        if number == MOST_READ:
            fault = "too many kinds of things: ask by fewer dimensions, or for less time"
            raise SlowQueryError(fault)
        if number % _A_TURN == 0:
            time.sleep(0)
        yield row


@cache
def _deltas(by: Sequence[str]) -> TextClause:
    """Return the query of deltas, added up by the dimensions asked for."""
    apart = [name for name in by if name != "rank"]
    named = {name: name for name in apart} | (
        {"point_id": f"coalesce(point_id, '{NO_POINT}') AS point_id"} if "point_id" in by else {}
    )
    return text(
        _DELTAS.format(
            named="".join(f"{value}, " for value in named.values()),
            names="".join(f"{name}, " for name in apart),
            no_rank=NO_RANK,
            kinds=_KINDS,
        )
    )


def fold(
    connection: psycopg.Connection[Any],
    *,
    most: int = MOST_FOLDED,
    minutes_since: datetime = _EPOCH,
) -> int:
    """Fold the oldest deltas into the rollups, in a transaction of its own; return how many.

    What lies before `minutes_since` goes into hours and days alone.
    """
    with connection.transaction(), connection.cursor(row_factory=namedtuple_row) as cursor:
        taken: list[Any] = cursor.execute(_TAKE, {"most": most}).fetchall()
        if taken:
            cursor.execute(_ADD, {"rows": dumps(_rolled_up(taken, minutes_since))})
    return int(taken[0].taken) if taken else 0


def rename(
    connection: psycopg.Connection[Any],
    *,
    domain: str,
    pattern: str,
    renamed: Callable[[str], str],
) -> None:
    """Let what is counted by a name that matches `pattern` be counted by another, in one go."""
    sought = {"domain": domain, "pattern": pattern}
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        deltas = cursor.execute(_NAMED_DELTAS, sought).fetchall()
        named = [_renamed(row, renamed) for row in deltas]
        cursor.execute(_RENAME_DELTAS, {"rows": dumps(named)})
        # whoever was folding some of them is done: what he added is here
        rolled_up = cursor.execute(_TAKE_NAMED, sought).fetchall()
        kept = [row for row in rolled_up if any(row[measure] for measure in MEASURES)]
        for row in kept:
            cursor.execute(_ADD, {"rows": dumps([_renamed(row, renamed)])})


def _renamed(row: Mapping[str, Any], renamed: Callable[[str], str]) -> dict[str, Any]:
    return {**row, **{name: renamed(row[name]) for name in _NAMED}}


def forget_minutes(connection: psycopg.Connection[Any], *, before: datetime) -> int:
    """Drop some of what is counted by the minute before a moment; return how much."""
    return connection.execute(_FORGET_MINUTES, [before]).rowcount


def _rolled_up(deltas: Iterable[Any], minutes_since: datetime) -> Iterator[dict[str, Any]]:
    found: dict[Key, Counts] = defaultdict(Counts)
    for delta in deltas:
        grains = [g for g in Grain if g is not Grain.MINUTE or delta.minute >= minutes_since]
        for names in _KEPT:
            if names != _EVERYTHING and not _is_told(delta.rank, names):
                continue
            told = (getattr(delta, n) if n in names else v for n, v in DIMENSIONS.items())
            values = (_told(names), *told)
            for grain in grains:
                at = grain.floor(delta.minute)
                _add(found[delta.domain, grain.value, values[0], at, *values[1:]], delta)
    for key, counts in found.items():
        yield dict(zip(_KEY, key, strict=True)) | asdict(counts)


def _is_told(rank: int, by: Collection[str]) -> bool:
    return rank != NO_RANK or _OF_DELIVERIES.isdisjoint(by)


def _told(names: Collection[str]) -> int:
    """Return a set of dimensions as a number."""
    return sum(1 << place for place, name in enumerate(DIMENSIONS) if name in names)


#: What rollups are told by that tell nothing apart, and those that tell codes apart.
TOLD_BY_NOTHING: Final = _told(())
TOLD_BY_CODE: Final = _told(("code",))


def _add(counts: Counts, delta: Any) -> None:
    if delta.state is not None:
        counts.add_sends(delta.state, delta.n)
    else:
        counts.add_deliveries(
            delta.rank,
            delta.n,
            conflict=delta.conflict,
            overdue=delta.overdue,
            latency=delta.latency,
        )
