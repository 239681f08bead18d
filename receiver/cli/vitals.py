"""Measuring what `receiver status` judges by."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.orm import Session

from receiver.domain.blame import Blame
from receiver.domain.counts import Counts
from receiver.domain.diagnosis import Failures, PointPulse
from receiver.domain.errors import SlowQueryError
from receiver.platform import codes
from receiver.settings import Settings
from receiver.store import changes, points, pulse, stats, traffic, vitals
from receiver.store.points import Point
from receiver.store.pulse import Beats
from receiver.store.stats import Asked, Grain
from receiver.store.traffic import LATELY, Traffic

_SHORT: Final = timedelta(minutes=10)
_USUAL: Final = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What goes through, and what keeps itself in order, as the database knows it."""

    points: Sequence[PointPulse]
    measured: Mapping[str, Any]
    """By the names of `Vitals`."""
    rates: Mapping[str, float]
    """Per minute."""


def flow(session: Session, settings: Settings, now: datetime) -> Flow:
    """Measure the flow of all domains."""
    known = points.list_(session)
    beats = pulse.receipts(session, [point.id for point in known], now)
    pulses = [*_pulses(known, beats, traffic.flows(session, now, settings.silence))]
    codes_of: Mapping[UUID | None, str] = {point.id: point.code for point in known}
    hour = traffic.lately(session, now)
    failures = [_failures(session, domain, lately, now) for domain, lately in hour.items()]
    sent, sent_10m = _sent(hour), _sent(traffic.lately(session, now, _SHORT))
    received, arrived = sum(n for n, _ in beats.values()), pulse.arrived(session, now - LATELY)
    measured = {
        "points": pulses,
        "sends_1h": sent.sends,
        "refused_1h": sent.refused,
        "receipts_10m": received,
        "arrived_1h": arrived,
        "held_1h": _held(session, codes_of, now),
        "failures": [_explained(session, each, codes_of, now) for each in failures],
        **_upkeep(session, now),
    }
    rates = {
        "sends_per_minute": sent_10m.sends / 10,
        "receipts_per_minute": received / 10,
        "sends_per_minute_1h": sent.sends / 60,
        "arrived_per_minute_1h": arrived / 60,
    }
    rounded = {name: round(rate, 1) for name, rate in rates.items()}
    return Flow(points=pulses, measured=measured, rates=rounded)


def _sent(lately: Mapping[str, Traffic]) -> Counts:
    """Add up what was sent in all domains."""
    total = Counts()
    for each in lately.values():
        total.add(each.counts)
    return total


def _upkeep(session: Session, now: datetime) -> Mapping[str, Any]:
    ahead = timedelta(days=vitals.days_ahead(session, now.date()))
    return {
        "feed_lag_seconds": changes.lag_seconds(session),
        "counts_waiting": pulse.counts_waiting(session),
        "worker": vitals.worker_works(session),
        "partitions_until": now.date() + ahead,
    }


def _pulses(
    known: Sequence[Point], beats: Beats, flows: Sequence[traffic.Flow]
) -> Iterator[PointPulse]:
    """Yield the pulse of each point, and of what waits without naming one that there is."""
    waiting = {(each.domain, each.point_id): each for each in flows if each.waiting}
    for point in known:
        number, last = beats[point.id]
        flow = waiting.pop((point.domain, point.id), None)
        yield PointPulse(
            code=point.code,
            domain=point.domain,
            disabled=bool(point.opts.get("disabled")),
            elsewhere=point.opts.get("notifyurl") == "keep",
            last_receipt_at=last,
            receipts_10m=number,
            unanswered=flow.waiting if flow else 0,
        )
    for flow in waiting.values():
        yield PointPulse(code=flow.code or "", domain=flow.domain, unanswered=flow.waiting)


def _held(
    session: Session, codes_of: Mapping[UUID | None, str], now: datetime
) -> Sequence[tuple[str, str, int]]:
    return [
        (codes_of.get(row["point_id"], "(deleted)"), row["reason"], row["n"])
        for row in pulse.held(session, now - LATELY)
    ]


def _failures(session: Session, domain: str, lately: Traffic, now: datetime) -> Failures:
    """Return how much failed of what was sent in the last hour."""
    usual = Counts()
    for counts in _read(session, domain, now - _USUAL, now, grain=Grain.HOUR).values():
        usual.add(counts)
    return Failures(
        domain=domain,
        failed=lately.counts.failure,
        ended=_ended(lately.counts),
        usual=usual.failure / _ended(usual) if _ended(usual) else 0,
    )


def _explained(
    session: Session, found: Failures, codes_of: Mapping[UUID | None, str], now: datetime
) -> Failures:
    """Return failures, where they are many with what most of them say, and where."""
    if not found.are_many:
        return found
    failed: Counter[tuple[str, str, UUID]] = Counter()
    try:
        told = _read(session, found.domain, now - LATELY, now, "channel", "code", "point_id")
    except SlowQueryError:  # of too many kinds
        return found
    for (_, channel, code, point_id), counts in told.items():
        failed[channel, code, point_id] += counts.failure
    ((channel, code, point_id), _), *_ = failed.most_common(1)
    meaning = codes.find(channel, code)
    said = [code or "no code", meaning.text if meaning else "", f"({channel})" if channel else ""]
    if point_id in codes_of:
        said.append(f"at point {codes_of[point_id]}")
    blames = meaning is not None and meaning.blame is not Blame.NONE
    return replace(
        found,
        blame=meaning.blame if meaning and blames else Blame.NETWORK,
        most=" ".join(filter(None, said)),
    )


def _ended(counts: Counts) -> int:
    return counts.success + counts.failure + counts.complaint


def _read(
    session: Session,
    domain: str,
    since: datetime,
    until: datetime,
    *by: str,
    grain: Grain = Grain.MINUTE,
) -> Mapping[Any, Counts]:
    """Return the counts between two moments, as whole buckets; the last one too."""
    asked = Asked(
        domain=domain,
        grain=grain,
        since=grain.floor(since),
        until=grain.floor(until) + grain.length,
        by=by,
    )
    return stats.read(session, asked)


def shown_points(flow: Flow) -> Iterator[dict[str, object]]:
    """Yield what is shown of each point."""
    several = len({point.domain for point in flow.points}) > 1
    for point in flow.points:
        yield {
            "point": f"{point.domain}/{point.code}" if several else point.code,
            "last_receipt_at": point.last_receipt_at,
            "receipts_10m": point.receipts_10m,
            "unanswered_sends": point.unanswered,
            "state": _state(point),
        }


def _state(point: PointPulse) -> str:
    if point.disabled:
        return "disabled"
    if point.elsewhere:
        return "elsewhere"
    return "silent" if point.is_silent else "ok"
