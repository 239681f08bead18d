"""Statistics: how many there were, what became of them, and how long that took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from receiver.domain.counts import MEASURES, PERCENTILE_ERROR, Counts, percentile_ms
from receiver.domain.status import BY_RANK, UNKNOWN
from receiver.store import sends
from receiver.store import stats as stored
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.retention.gone import kept_from, midnight
from receiver.store.stats import MINUTES_KEPT, NO_POINT, Asked, Grain, Key
from receiver.web.auth import current_key, requires
from receiver.web.fields import Choices, Instant
from receiver.web.freshness import finish, polled
from receiver.web.json_input import bad
from receiver.web.queries import read_query
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Codes, Json
from receiver.web.times import utc

#: The longest span that each bucket is fine enough for.
LONGEST: Final = {
    Grain.MINUTE: timedelta(days=1),
    Grain.HOUR: timedelta(days=92),
    Grain.DAY: timedelta(days=1830),
}
COMPARED: Final = {"1d": timedelta(days=1), "7d": timedelta(days=7)}
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
CLOCK: Final = "requested_at of the send, else when it was first heard of"
_OF_SENDS: Final = ("sends", "refused", "unconfirmed", "orphans")
_OF_DELIVERIES: Final = frozenset({"status", "outcome", "code", "carrier"})
_PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_DEFAULT_SPAN: Final = timedelta(days=1)

#: The beginning of a bucket, and the values of what is told apart, as they are shown.
Shown = tuple[Any, ...]


class StatsQuery(Schema):
    """Which time is counted, in what buckets, and what is told apart."""

    since = Instant(metadata={"description": "From the bucket of this time on; a day ago."})
    until = Instant(metadata={"description": "To the end of the bucket before this time; now."})
    bucket = fields.String(
        load_default=Grain.HOUR.value,
        validate=validate.OneOf([*Grain], error="must be minute, hour or day"),
    )
    by = Choices(list(DIMENSIONS))
    compare = fields.String(
        validate=validate.OneOf(list(COMPARED), error=f"must be one of {', '.join(COMPARED)}"),
        metadata={"description": "Beside each bucket the one so long before."},
    )


STATS_QUERY: Final = StatsQuery()

stats = Blueprint("stats", __name__, url_prefix="/api/v1")
stats.after_request(finish)


@stats.get("/stats")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return counts by buckets of time, exact at this moment, with times to delivery."""
    asked = read_query(STATS_QUERY)
    by = asked.get("by", ())
    question = _question(current_key(), asked, by)
    before = COMPARED.get(asked.get("compare", ""))
    with reading(rooms().engine) as session:
        found = stored.read(session, question)
        earlier = stored.read(session, _shifted(question, before)) if before else {}
        codes = sends.point_codes(session, _points(question, [*found, *earlier]))
        ledger_since = kept_from(session).get("deliveries")
    now = _shown(found, question, by, codes)
    then = _shown(earlier, question, by, codes, later=before or timedelta())
    keys = sorted({*now, *then, *_buckets(question, by)}, key=_order)
    return {
        "since": utc(question.since),
        "until": utc(question.until),
        "bucket": question.grain.value,
        "by": list(by),
        "clock": CLOCK,
        "percentile_error": PERCENTILE_ERROR,
        "ledger_since": utc(midnight(ledger_since)) if ledger_since else None,
        "items": [_item(key, by, now, then if before else None) for key in keys],
    }


def _question(key: ApiKey, asked: Mapping[str, Any], by: Sequence[str]) -> Asked:
    """Return what is to be read. Raises: BadInputError naming the parameter."""
    grain = Grain(asked["bucket"])
    now = datetime.now(UTC)
    until = asked.get("until") or now
    since = asked.get("since") or until - _DEFAULT_SPAN
    if since > until:
        raise bad("since", "must not be after until")
    if until - since > LONGEST[grain]:
        finest = [f"{each.value} up to {LONGEST[each].days} days" for each in Grain]
        raise bad("bucket", f"is too fine for so long a time: {', '.join(finest)}")
    before = COMPARED.get(asked.get("compare", ""), timedelta())
    if grain is Grain.MINUTE and since - before < now - MINUTES_KEPT:
        raise bad("since", f"minutes are told apart for {MINUTES_KEPT.days} days only")
    return Asked(
        domain=key.domain,
        grain=grain,
        since=grain.floor(since),
        until=_ceiling(grain, until),
        by=list(dict.fromkeys(DIMENSIONS[name] for name in by)),
        point_ids=key.point_ids,
    )


def _points(question: Asked, keys: Sequence[Key]) -> set[UUID | None]:
    """Return the points that counts are told apart by."""
    if "point_id" not in question.by:
        return set()
    place = 1 + question.by.index("point_id")
    return {key[place] for key in keys}


def _ceiling(grain: Grain, at: datetime) -> datetime:
    beginning = grain.floor(at)
    return beginning if beginning == at else beginning + grain.length


def _shifted(question: Asked, before: timedelta) -> Asked:
    return replace(question, since=question.since - before, until=question.until - before)


def _shown(
    found: Mapping[Key, Counts],
    question: Asked,
    by: Sequence[str],
    codes: Codes,
    *,
    later: timedelta = timedelta(),
) -> Mapping[Shown, Counts]:
    """Return counts by what is shown of their dimensions, `later` than they were."""
    shown: dict[Shown, Counts] = {}
    for (at, *values), counts in found.items():
        told = dict(zip(question.by, values, strict=True))
        key = (at + later, *(_value(name, told[DIMENSIONS[name]], codes) for name in by))
        shown.setdefault(key, Counts()).add(counts)
    return {key: counts for key, counts in shown.items() if counts.sends or counts.deliveries}


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


def _buckets(question: Asked, by: Sequence[str]) -> Iterator[Shown]:
    """Yield every bucket there is, where nothing is told apart: also those without anything."""
    at = question.since
    while not by and at < question.until:
        yield (at,)
        at += question.grain.length


def _order(key: Shown) -> tuple[str, ...]:
    return tuple(map(str, key))


def _item(
    key: Shown,
    by: Sequence[str],
    now: Mapping[Shown, Counts],
    then: Mapping[Shown, Counts] | None,
) -> Json:
    at, *values = key
    told = dict(zip(by, values, strict=True))
    if "point" in told:
        told["point"] = told["point"] and dict(zip(("id", "code"), told["point"], strict=True))
    compared = None if then is None else _measures(then.get(key, Counts()), by)
    return {
        "at": utc(at),
        **told,
        **_measures(now.get(key, Counts()), by),
        "compared": compared,
    }


def _measures(counts: Counts, by: Sequence[str]) -> Json:
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
