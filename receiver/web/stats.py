"""Statistics: how many there were, what became of them, and how long that took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from receiver.domain.counts import PERCENTILE_ERROR, Counts
from receiver.store import sends
from receiver.store import stats as stored
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.retention.gone import kept_from, midnight
from receiver.store.stats import MINUTES_KEPT, Asked, Grain
from receiver.web.auth import current_key, requires
from receiver.web.fields import Choices, Instant
from receiver.web.freshness import finish, polled
from receiver.web.json_input import bad
from receiver.web.queries import read_query
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Json
from receiver.web.shown_stats import (
    DIMENSIONS,
    LONGEST,
    Shown,
    measures,
    points_in,
    shown,
    stored_names,
)
from receiver.web.times import utc

COMPARED: Final = {"1d": timedelta(days=1), "7d": timedelta(days=7)}
CLOCK: Final = "requested_at of the send, else when it was first heard of"
_DEFAULT_SPAN: Final = timedelta(days=1)


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
        codes = sends.point_codes(session, points_in(question, [*found, *earlier]))
        ledger_since = kept_from(session).get("deliveries")
    now = shown(found, question, by, codes)
    then = shown(earlier, question, by, codes, later=before or timedelta())
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
        by=stored_names(by),
        point_ids=key.point_ids,
    )


def _ceiling(grain: Grain, at: datetime) -> datetime:
    beginning = grain.floor(at)
    return beginning if beginning == at else beginning + grain.length


def _shifted(question: Asked, before: timedelta) -> Asked:
    return replace(question, since=question.since - before, until=question.until - before)


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
    compared = None if then is None else measures(then.get(key, Counts()), by)
    return {
        "at": utc(at),
        **told,
        **measures(now.get(key, Counts()), by),
        "compared": compared,
    }
