"""Counts as they are shown: by the names and values that people know."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from receiver.domain.counts import MEASURES, Counts, percentile_ms
from receiver.domain.status import BY_RANK, UNKNOWN
from receiver.store.stats import NO_POINT, Asked, Grain, Key
from receiver.web.shown_sends import Codes, Json

#: The longest span that each bucket is fine enough for.
LONGEST: Final = {
    Grain.MINUTE: timedelta(days=1),
    Grain.HOUR: timedelta(days=92),
    Grain.DAY: timedelta(days=1830),
}
#: What a dimension is called in the store; an outcome follows from the rank.
DIMENSIONS: Final = {
    "status": "rank",
    "outcome": "rank",
    "code": "code",
    "channel": "channel",
    "sender": "sender",
    "tag": "tag",
    "carrier": "carrier",
    "point": "point_id",
}
_OF_SENDS: Final = ("sends", "refused", "unconfirmed", "orphans")
_OF_DELIVERIES: Final = frozenset({"status", "outcome", "code", "carrier"})
_PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}

#: The beginning of a bucket, and the values of what is told apart, as they are shown.
Shown = tuple[Any, ...]


def stored_names(by: Sequence[str]) -> Sequence[str]:
    """Return what the dimensions that are told apart are called in the store."""
    return list(dict.fromkeys(DIMENSIONS[name] for name in by))


def points_in(question: Asked, keys: Iterable[Key]) -> set[UUID | None]:
    """Return the points that counts are told apart by."""
    if "point_id" not in question.by:
        return set()
    place = 1 + question.by.index("point_id")
    return {key[place] for key in keys}


def shown(
    found: Mapping[Key, Counts],
    question: Asked,
    by: Sequence[str],
    codes: Codes,
    *,
    later: timedelta = timedelta(),
) -> Mapping[Shown, Counts]:
    """Return counts by what is shown of their dimensions, `later` than they were."""
    added: dict[Shown, Counts] = {}
    for (at, *values), counts in found.items():
        told = dict(zip(question.by, values, strict=True))
        key = (at + later, *(_value(name, told[DIMENSIONS[name]], codes) for name in by))
        added.setdefault(key, Counts()).add(counts)
    return {key: counts for key, counts in added.items() if counts.sends or counts.deliveries}


def measures(counts: Counts, by: Collection[str]) -> Json:
    """Return the counts; sends are not told apart by what became of their deliveries."""
    has_sends = _OF_DELIVERIES.isdisjoint(by)
    measured: Json = {
        name: getattr(counts, name) if has_sends or name not in _OF_SENDS else None
        for name in MEASURES
        if name != "negative"
    }
    times = {name: percentile_ms(counts.latencies, share) for name, share in _PERCENTILES.items()}
    n = sum(counts.latencies)
    return {**measured, "ttd_ms": {"n": n, "negative": counts.negative, **times}}


def _value(name: str, value: Any, codes: Codes) -> Any:
    if name == "status":
        return BY_RANK.get(value, UNKNOWN).name
    if name == "outcome":
        return BY_RANK.get(value, UNKNOWN).outcome.value
    if name == "point":
        return _point(value, codes)
    return value


def _point(id_: UUID, codes: Codes) -> tuple[str, str | None] | None:
    return None if id_ == NO_POINT else (str(id_), codes.get(id_))
