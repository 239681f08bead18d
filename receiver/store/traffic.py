"""What goes through each domain, and whether receipts still come for what is sent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.counts import MEASURES, Counts
from receiver.domain.facts import Source, State
from receiver.domain.status import STATUSES, Outcome
from receiver.store import spans, stats
from receiver.store.stats import Grain
from receiver.store.tables import text_by_day

#: So far back is counted what goes through.
LATELY: Final = timedelta(hours=1)
#: What nobody has heard of for longer is overdue, or goes where there are no receipts.
REACH: Final = timedelta(hours=24)
#: Of the newest sends, and of the newest that are old enough to have been heard of.
_MOST_SENDS: Final = 2_000
#: Silences that are made sure of.
_MOST_DOUBTED: Final = 20

_FAILURES: Final = frozenset(each.rank for each in STATUSES if each.outcome is Outcome.FAILURE)
_MEASURED: Final = ", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)
#: Domain by domain, so that no plan goes through the minutes of them all.
_ROLLUPS: Final = text(f"""
    SELECT d.domain, r.* FROM (
        SELECT domain FROM integration_points UNION SELECT domain FROM api_keys) d
      CROSS JOIN LATERAL (
        SELECT told, code, {_MEASURED}, ARRAY[]::bigint[] AS latencies FROM rollups
         WHERE domain = d.domain AND grain = '{Grain.MINUTE}' AND at >= :since
           AND told IN ({stats.TOLD_BY_NOTHING}, {stats.TOLD_BY_CODE}) GROUP BY told, code) r
    """)
_DELTAS: Final = text("""
    SELECT domain, state, rank, code, sum(n)::bigint AS n FROM deltas
     WHERE minute >= :since GROUP BY domain, state, rank, code
    """)
_COLUMNS: Final = (
    "seq, domain, recorded_point_id, recorded, reported, state, accepted_at, reports_elsewhere"
)
#: Those that wait were sent after the last one that was heard of.
_WAITING: Final = text(f"""
    WITH newest AS (
        (SELECT {_COLUMNS} FROM sends ORDER BY seq DESC LIMIT {_MOST_SENDS})
        UNION
        (SELECT {_COLUMNS} FROM sends WHERE seq >= :low AND seq < :high
          ORDER BY seq DESC LIMIT {_MOST_SENDS})),
    judged AS (
        SELECT domain, recorded_point_id, accepted_at,
               recorded AND NOT reported AND NOT reports_elsewhere
               AND state = '{State.ACCEPTED}' AND accepted_at <= :until
               AND accepted_at > :since AND accepted_at > coalesce(
                   max(accepted_at) FILTER (WHERE reported) OVER (
                       PARTITION BY domain, recorded_point_id), '-infinity') AS waits
          FROM newest WHERE recorded OR reported)
    SELECT j.domain, p.id, p.code, count(*) FILTER (WHERE waits),
           min(j.accepted_at) FILTER (WHERE waits)
      FROM judged j LEFT JOIN integration_points p ON p.id = recorded_point_id
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3
    """)
_HEARD: Final = text_by_day(f"""
    SELECT EXISTS (
        SELECT FROM receipts
         WHERE day IN :days AND accepted_at > :until AND domain = :domain
           AND source = '{Source.HOOK}' AND (:any_point OR point_id = :point_id))
    """)


class Traffic(Struct, frozen=True):
    """What was sent lately, and what has become of it."""

    counts: Counts
    failures: Counter[str]
    """Deliveries that failed, by the platform's code."""


NOTHING: Final = Traffic(Counts(), Counter())


class Flow(Struct, frozen=True):
    """What was sent through one point, or without naming one, and not heard of in time."""

    domain: str
    point_id: UUID | None
    code: str | None
    waiting: int
    """Sends since the last that was heard of; 0 where receipts come."""
    since: datetime | None
    """When the first of them was sent."""


def lately(session: Session, now: datetime, reach: timedelta = LATELY) -> Mapping[str, Traffic]:
    """Return what went through, by the last hour's minutes, of each domain where anything did."""
    since = {"since": Grain.MINUTE.floor(now - reach)}
    found: dict[str, Traffic] = defaultdict(lambda: Traffic(Counts(), Counter()))
    for row in session.execute(_ROLLUPS, since):
        if row.told == stats.TOLD_BY_NOTHING:
            found[row.domain].counts.add(row)
        elif row.failure:
            found[row.domain].failures[row.code] += row.failure
    for delta in session.execute(_DELTAS, since):
        traffic = found[delta.domain]
        if delta.state is not None:
            traffic.counts.add_sends(delta.state, delta.n)
        else:
            traffic.counts.add_deliveries(
                delta.rank, delta.n, conflict=False, overdue=False, latency=None
            )
            if delta.rank in _FAILURES:
                traffic.failures[delta.code] += delta.n
    return found


def flows(session: Session, now: datetime, silence: timedelta) -> Sequence[Flow]:
    """Return the flow of every point that something was sent through, the silent ones first.

    Silent is one where sends have waited for `silence` since the last that was heard of, and no
    receipt of whatever send has come for as long.
    """
    until = now - silence
    times = {"since": now - REACH, "until": until}
    low, high = session.execute(
        spans.OF_SENDS, times | {"low": now - REACH - spans.SLACK, "high": until + spans.SLACK}
    ).one()
    rows = session.execute(_WAITING, {**times, "low": low, "high": high})
    found = [Flow(*row) for row in rows]
    doubted = [flow for flow in found[:_MOST_DOUBTED] if flow.waiting]
    heard = [flow for flow in doubted if _is_heard(session, flow, until=until, now=now)]
    return [
        Flow(flow.domain, flow.point_id, flow.code, 0, None) if flow in heard else flow
        for flow in found
    ]


def _is_heard(session: Session, flow: Flow, *, until: datetime, now: datetime) -> bool:
    asked = {
        "days": sorted({until.date(), now.date()}),
        "until": until,
        "domain": flow.domain,
        "any_point": flow.point_id is None,
        "point_id": flow.point_id,
    }
    return bool(session.scalar(_HEARD, asked))
