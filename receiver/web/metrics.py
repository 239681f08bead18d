"""`/metrics`: what all processes count and how things are, as Prometheus reads it."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Final
from uuid import UUID

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from receiver.domain.counts import Counts
from receiver.metric_families import MOST_VALUES, OTHER
from receiver.metrics import exposition
from receiver.store.directory import Directory
from receiver.store.keys import ApiKey
from receiver.store.traffic import NOTHING, Flow, Traffic
from receiver.web.auth import current_reader, requires
from receiver.web.readiness import Readiness
from receiver.web.rooms import Rooms, rooms
from receiver.web.vitals import Vitals, seen_by

VERSION: Final = version("receiver")
#: Of failures, codes are told apart that are numbers, and of these the most frequent.
MOST_CODES: Final = 30
_CODE: Final = re.compile(r"\d{3,5}")
_OUTCOMES: Final = ("pending", "success", "failure", "complaint")

metrics_ = Blueprint("metrics", __name__)


@metrics_.get("/metrics")
@requires("read")
def show() -> Response:
    """Return the metrics of all processes of this host's service; of points, those of the key."""
    here, key = rooms(), current_reader()
    ids = key.point_ids if key else ()
    codes = here.roster.find(partial(_codes, ids=ids)) if ids else None
    text = exposition(_present(here, key), domain=key.domain if key else None, points=codes)
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _codes(directory: Directory, *, ids: Collection[UUID]) -> Collection[str]:
    return {point.code for point in directory.points.values() if point.id in ids}


def _present(here: Rooms, key: ApiKey | None) -> Iterable[Metric]:
    """Yield how things are now; what nobody can say is left out, for which there is an alarm."""
    yield InfoMetricFamily("receiver_build", "What runs here.", value={"version": VERSION})
    yield from _ways(here.readiness)
    vitals = here.vitals.look()
    yield from _database(vitals)
    if vitals.traffic.value is not None:
        yield from _traffic(_seen(key, vitals.traffic.value))
    if vitals.flows.value is not None:
        yield _silent(seen_by(key, vitals.flows.value))


def _seen(key: ApiKey | None, by_domain: Mapping[str, Traffic]) -> Traffic:
    if key:
        return by_domain.get(key.domain, NOTHING)
    every = Traffic(Counts(), Counter())
    for traffic in by_domain.values():
        every.counts.add(traffic.counts)
        every.failures.update(traffic.failures)
    return every


def _ways(readiness: Readiness) -> Iterable[Metric]:
    spool, away = readiness.spool.look(), readiness.database() != "ok"
    depth, is_off = spool.depth, spool.status == "off"
    yield _gauge("store_away", "1 while Postgres can't commit.", away)
    yield _gauge("spool_usable", "1 while the spool would take facts.", spool.status == "ok")
    yield _gauge("spool_off", "1 where there is to be no spool.", is_off)
    yield _gauge("spool_facts", "Facts that wait for the store.", depth.facts)
    yield _gauge("spool_bytes", "Size of what waits for the store.", depth.bytes)
    yield _gauge("spool_segments", "Files that wait for the store.", depth.segments)
    yield _gauge("spool_damaged", "Files that can't be read whole.", depth.damaged)
    yield _gauge("spool_oldest_seconds", "Age of the oldest fact that waits.", spool.oldest_seconds)
    yield _gauge(
        "feed_lag_seconds",
        "For how long a transaction has held the change feed back.",
        readiness.feed_lag_seconds(),
    )
    yield _labelled(
        CounterMetricFamily,
        "questions",
        "Questions to the platform about overdue sends, by what came of them, of all hosts.",
        "finding",
        readiness.questions(),
    )


def _database(vitals: Vitals) -> Iterable[Metric]:
    if vitals.days_ahead.value is not None:
        yield _gauge(
            "partitions_ahead_days",
            "For how many days after today there are partitions; -1 where today's is missing.",
            vitals.days_ahead.value,
        )
    if vitals.worker.value is not None:
        yield _gauge(
            "worker_works", "1 while a worker does what needs one owner.", vitals.worker.value
        )
    if connections := vitals.connections.value:
        told = "Connections of the whole server, by what they do."
        yield _labelled(
            GaugeMetricFamily, "database_connections", told, "state", connections.by_state
        )
        yield _gauge("database_connections_most", "How many the server lets in.", connections.most)


def _traffic(traffic: Traffic) -> Iterable[Metric]:
    counts = traffic.counts
    recorded = counts.sends - counts.orphans
    sends = {"recorded": recorded, "orphan": counts.orphans, "refused": counts.refused}
    told = "Sends of the last hour, of all hosts; orphans are known by their receipts alone."
    yield _labelled(GaugeMetricFamily, "hour_sends", told, "kind", sends)
    told = "Deliveries of the sends of the last hour, by what became of them, of all hosts."
    outcomes = {outcome: getattr(counts, outcome) for outcome in _OUTCOMES}
    yield _labelled(GaugeMetricFamily, "hour_deliveries", told, "outcome", outcomes)
    told = "Failed deliveries of the sends of the last hour, by the platform's code."
    yield _labelled(GaugeMetricFamily, "hour_failures", told, "code", _by_code(traffic.failures))


def _by_code(failures: Mapping[str, int]) -> Mapping[str, int]:
    """Add up what is no code that the platform would give, and what is rare."""
    codes = {code: n for code, n in failures.items() if _CODE.fullmatch(code)}
    kept = dict(sorted(codes.items(), key=lambda each: -each[1])[:MOST_CODES])
    return kept | {OTHER: sum(failures.values()) - sum(kept.values())}


def _silent(flows: Sequence[Flow]) -> Metric:
    waiting = Counter({"": 0})  # of sends that named no point: there while all is well, too
    for flow in flows:
        known = len(waiting) <= MOST_VALUES or flow.code in waiting
        waiting[(flow.code or "") if known else OTHER] += flow.waiting
    told = "Sends that wait too long for their first receipt, by points where none comes."
    return _labelled(GaugeMetricFamily, "silent_sends", told, "point", waiting)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"receiver_{name}", documentation, value=value)


def _labelled(
    family: Callable[..., GaugeMetricFamily | CounterMetricFamily],
    name: str,
    documentation: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    found = family(f"receiver_{name}", documentation, labels=[label])
    for value, n in values.items():
        found.add_metric([value], n)
    return found
