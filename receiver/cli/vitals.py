"""Measuring what `receiver status` judges by."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from receiver.domain.blame import Blame
from receiver.domain.counts import Counts
from receiver.domain.diagnosis import Failures, PointPulse
from receiver.platform import codes
from receiver.store import changes, points, pulse, stats
from receiver.store.points import Point
from receiver.store.stats import Asked, Grain
from receiver.store.vitals import WORKER_LOCK

HOUR: Final = timedelta(hours=1)
#: Receipts of what was sent since may be on the way.
ON_THE_WAY: Final = timedelta(minutes=5)
_SHORT: Final = timedelta(minutes=10)
_USUAL: Final = timedelta(days=7)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What goes through, and what keeps itself in order, as the database knows it."""

    points: Sequence[PointPulse]
    measured: Mapping[str, Any]
    """By the names of `Vitals`."""
    rates: Mapping[str, float]
    """Per minute."""


def flow(session: Session, now: datetime) -> Flow:
    """Measure the flow of all domains."""
    known = points.list_(session)
    domains = sorted({point.domain for point in known})
    beats = pulse.receipts(session, [point.id for point in known], now)
    minutes = {domain: _read(session, domain, now - HOUR, now, "point_id") for domain in domains}
    pulses = [_pulse(point, beats[point.id], minutes[point.domain], now) for point in known]
    received, arrived = sum(n for n, _ in beats.values()), pulse.arrived(session, now - HOUR)
    sent = _sent(minutes.values())
    measured = {
        "points": pulses,
        "sends_1h": sent.sends,
        "refused_1h": sent.refused,
        "receipts_10m": received,
        "arrived_1h": arrived,
        "held_1h": _held(session, known, now),
        "failures": _failures(session, domains, now),
        **_upkeep(session),
    }
    rates = {
        "sends_per_minute": _sent(minutes.values(), since=now - _SHORT).sends / 10,
        "receipts_per_minute": received / 10,
        "sends_per_minute_1h": sent.sends / 60,
        "arrived_per_minute_1h": arrived / 60,
    }
    rounded = {name: round(rate, 1) for name, rate in rates.items()}
    return Flow(points=pulses, measured=measured, rates=rounded)


def _sent(minutes: Iterable[Mapping[Any, Counts]], since: datetime = _LONG_AGO) -> Counts:
    """Add up what was sent from a minute on."""
    total = Counts()
    for counted in minutes:
        for (at, *_), counts in counted.items():
            if at >= since:
                total.add(counts)
    return total


def _upkeep(session: Session) -> Mapping[str, Any]:
    return {
        "feed_lag_seconds": changes.lag_seconds(session),
        "counts_waiting": pulse.counts_waiting(session),
        "worker": pulse.is_held(session, WORKER_LOCK),
        "partitions_until": pulse.partitions_until(session),
    }


def _pulse(
    point: Point, beat: tuple[int, datetime | None], counted: Mapping[Any, Counts], now: datetime
) -> PointPulse:
    number, last = beat
    unanswered = sum(
        counts.sends - counts.refused - counts.orphans
        for (at, point_id), counts in counted.items()
        if point_id == point.id and at < now - ON_THE_WAY and (last is None or at > last)
    )
    return PointPulse(
        code=point.code,
        domain=point.domain,
        disabled=bool(point.opts.get("disabled")),
        elsewhere=point.opts.get("notifyurl") == "keep",
        last_receipt_at=last,
        receipts_10m=number,
        unanswered=unanswered,
    )


def _held(
    session: Session, known: Sequence[Point], now: datetime
) -> Sequence[tuple[str, str, int]]:
    codes_of: Mapping[UUID | None, str] = {point.id: point.code for point in known}
    return [
        (codes_of.get(row["point_id"], "(deleted)"), row["reason"], row["n"])
        for row in pulse.held(session, now - HOUR)
    ]


def _failures(session: Session, domains: Sequence[str], now: datetime) -> Failures:
    """Return what failed of what was sent in the last hour, and what most of it says."""
    total, usual = Counts(), Counts()
    by_code: Counter[tuple[str, str]] = Counter()
    for domain in domains:
        for (_, channel, code), counts in _read(
            session, domain, now - HOUR, now, "channel", "code"
        ).items():
            total.add(counts)
            by_code[channel, code] += counts.failure
        for counts in _read(session, domain, now - _USUAL, now, grain=Grain.HOUR).values():
            usual.add(counts)
    (channel, code), _ = by_code.most_common(1)[0] if by_code else (("", ""), 0)
    meaning = codes.find(channel, code)
    said = [code, meaning.text if meaning else "", f"({channel})" if channel else ""]
    blames = meaning is not None and meaning.blame is not Blame.NONE
    return Failures(
        failed=total.failure,
        ended=_ended(total),
        usual=usual.failure / _ended(usual) if _ended(usual) else 0,
        blame=meaning.blame if meaning and blames else Blame.NETWORK,
        most=" ".join(filter(None, said)) if code else "",
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
