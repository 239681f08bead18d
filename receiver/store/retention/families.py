"""Families all of whose facts are past their time leave the ledger, and are remembered a while.

A family goes whole, under its lock. What its members were counted as stays in the counts, and the
feed is told by the triggers of its tables. A receipt that comes for it later is kept, and opens
nothing; whoever records a send of it begins it anew (`store.apply`).
"""

from collections import defaultdict
from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import args_row

from receiver.domain.sends import send_id
from receiver.store.past import FAMILIES
from receiver.store.refold import FamilyKey, family_rows
from receiver.store.retention.gone import Gone, keep_in_mind, midnight
from receiver.store.statements import FAMILY_SENDS

#: How long a family that has left is remembered.
REMEMBERED: Final = timedelta(days=90)
#: Sends that are looked at in one statement, and deliveries that are deleted in one transaction:
#: never less than a family, which has a thousand at the most as the platform takes them.
PIECE: Final = 500
MOST: Final = 2000
#: `known_at` rises with `seq`, but for some seconds, and what is in time has it a minute after
#: it was accepted at the latest.
_MARGIN: Final = timedelta(minutes=10)

_SEEN: Final = "SELECT seq, domain, base, known_at, first_day, accepted_at FROM sends"
_BY_SEQ: Final = f"{_SEEN} WHERE seq > %s ORDER BY seq LIMIT %s"
_IS_LATE: Final = "known_at - accepted_at > '00:01:00'::interval"
_BY_LATENESS: Final = f"""{_SEEN} WHERE {_IS_LATE} AND accepted_at < %s
    AND (accepted_at, seq) > (%s, %s) ORDER BY accepted_at, seq LIMIT %s"""
_WEIGHTS: Final = f"""
    SELECT s.domain, s.base, count(*) FROM ({FAMILY_SENDS}) s
      JOIN deliveries d ON d.send_seq = s.seq GROUP BY 1, 2
    """
#: A family that somebody is writing to is not past its time.
_LOCK: Final = f"""
    SELECT s.domain, s.base FROM sends s JOIN {FAMILIES} USING (id)
     ORDER BY s.domain, s.base FOR UPDATE OF s SKIP LOCKED
    """
_MEMBERS: Final = f"""
    SELECT s.seq, s.domain, s.base, s.transid, (s.known_at AT TIME ZONE 'UTC')::date AS known_on,
           greatest(s.last_day, r.last_day) AS last_day
      FROM ({FAMILY_SENDS}) s
     CROSS JOIN LATERAL (
           SELECT (max(accepted_at) AT TIME ZONE 'UTC')::date AS last_day FROM recordings
            WHERE domain = s.domain AND transid = s.transid) r
    """
_DELETE_DELIVERIES: Final = "DELETE FROM deliveries WHERE send_seq = ANY(%(seqs)s)"
_DELETE_RECORDINGS: Final = """DELETE FROM recordings
    WHERE (domain, transid) IN (SELECT * FROM unnest(%(domains)s::text[], %(transids)s::text[]))"""
_DELETE_SENDS: Final = "DELETE FROM sends WHERE seq = ANY(%(seqs)s)"
_REMEMBER: Final = """
    INSERT INTO past_families (id, until) SELECT unnest(%(ids)s::uuid[]), %(until)s
    ON CONFLICT (id) DO UPDATE SET until = excluded.until
    """
_FORGET: Final = """
    DELETE FROM past_families WHERE id IN (SELECT id FROM past_families WHERE until < %s LIMIT %s)
    """
_NEEDS: Final = f"""
    SELECT EXISTS (SELECT FROM sends WHERE {_IS_LATE} AND accepted_at < %(end)s
                      AND first_day <= %(day)s AND last_day >= %(day)s)
    """


class _Seen(NamedTuple):
    """A send that is looked at. The session's zone is UTC, so its times are."""

    seq: int
    domain: str
    base: str
    known_at: datetime
    first_day: date | None
    accepted_at: datetime


class _Member(NamedTuple):
    """A send of a family, with the last day of all its facts."""

    seq: int
    domain: str
    base: str
    transid: str
    known_on: date
    last_day: date | None


def remove(
    connection: psycopg.Connection[Any], *, before: date, until: date
) -> Generator[Gone, None, date]:
    """Remove families without a fact from `before` on, and remember them up to `until`.

    Yields after each piece; returns the day before which no receipt is any delivery's.
    """
    oldest = before
    for seen in _pieces(connection, before):
        families: dict[FamilyKey, date] = {}
        for send in seen:
            key, day = (send.domain, send.base), min(send.first_day or before, send.known_at.date())
            families[key] = min(day, families.get(key, day))
        for some in _weighed(connection, families):
            gone = _remove(connection, some, before, until)
            oldest = min([oldest, *(families[key] for key in some if key not in gone)])
            yield Gone("families", len(gone))
    return oldest


def forget(connection: psycopg.Connection[Any], *, today: date) -> Iterator[Gone]:
    """Forget the families that have left for so long that a receipt may begin them anew."""
    while forgotten := connection.execute(_FORGET, [today, MOST]).rowcount:
        yield Gone("forgotten", forgotten)


def needs(connection: psycopg.Connection[Any], day: date) -> bool:
    """Tell whether a fact that became known late gives a send receipts of so old a day."""
    row = connection.execute(_NEEDS, {"day": day, "end": midnight(day + timedelta(days=1))})
    return bool((row.fetchone() or [False])[0])


def _pieces(connection: psycopg.Connection[Any], before: date) -> Iterator[Sequence[_Seen]]:
    """Yield every send that can be of a family past its time, by place, then those told late."""
    end = midnight(before)
    cursor = connection.cursor(row_factory=args_row(_Seen))
    seq = 0
    while seen := cursor.execute(_BY_SEQ, [seq, PIECE]).fetchall():
        old = [send for send in seen if send.known_at < end + _MARGIN]
        yield old
        if not old:
            break
        seq = seen[-1].seq
    after = datetime.min.replace(tzinfo=UTC), 0
    while seen := cursor.execute(_BY_LATENESS, [end, *after, PIECE]).fetchall():
        yield seen
        after = seen[-1].accepted_at, seen[-1].seq


def _weighed(
    connection: psycopg.Connection[Any], families: Collection[FamilyKey]
) -> Iterator[Sequence[FamilyKey]]:
    """Yield families in parts of about MOST deliveries."""
    found = connection.execute(_WEIGHTS, {"families": family_rows(families)})
    weights = {(domain, base): count for domain, base, count in found}
    part: list[FamilyKey] = []
    weight = 0
    for key in sorted(families):
        weight += weights.get(key, 0)
        if part and weight > MOST:
            yield part
            part, weight = [], weights.get(key, 0)
        part.append(key)
    if part:
        yield part


def _remove(
    connection: psycopg.Connection[Any], families: Collection[FamilyKey], before: date, until: date
) -> Collection[FamilyKey]:
    """Remove those families that are past their time, in one transaction; return which."""
    with connection.transaction():
        connection.execute("SET LOCAL receiver.cause = 'retention'")
        found = connection.execute(_LOCK, {"families": family_rows(families)}).fetchall()
        members = _members(connection, [(domain, base) for domain, base in found])
        gone = {key: them for key, them in members.items() if _last_day(them) < before}
        if gone:
            _delete(connection, [each for them in gone.values() for each in them], until)
            keep_in_mind(connection, "deliveries", before)
    return gone


def _members(
    connection: psycopg.Connection[Any], families: Collection[FamilyKey]
) -> dict[FamilyKey, list[_Member]]:
    members: dict[FamilyKey, list[_Member]] = defaultdict(list)
    for row in connection.execute(_MEMBERS, {"families": family_rows(families)}):
        member = _Member(*row)
        members[member.domain, member.base].append(member)
    return members


def _last_day(members: Sequence[_Member]) -> date:
    """Return the day of the last fact; of rows that are only locks, when they became known."""
    days = [member.last_day for member in members if member.last_day]
    return max(days or [member.known_on for member in members])


def _delete(connection: psycopg.Connection[Any], members: Sequence[_Member], until: date) -> None:
    """Delete sends and what hangs on them. Deliveries go first: they ask whose they are."""
    parameters = {
        "seqs": [member.seq for member in members],
        "domains": [member.domain for member in members],
        "transids": [member.transid for member in members],
        "ids": sorted({send_id(each.domain, each.base) for each in members if each.last_day}),
        "until": until,
    }
    for statement in (_DELETE_DELIVERIES, _DELETE_RECORDINGS, _DELETE_SENDS, _REMEMBER):
        connection.execute(statement, parameters)
