"""`/metrics`: what all processes count and how things are, as Prometheus reads it."""

from collections.abc import Collection, Iterable, Mapping
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

from receiver.metrics import exposition
from receiver.store.directory import Directory
from receiver.web.auth import current_key, requires
from receiver.web.readiness import Readiness
from receiver.web.rooms import rooms

VERSION: Final = version("receiver")

metrics_ = Blueprint("metrics", __name__)


@metrics_.get("/metrics")
@requires("read")
def show() -> Response:
    """Return the metrics of all processes of this host's service; of points, those of the key."""
    key = current_key()
    codes = rooms().roster.find(partial(_codes, ids=key.point_ids)) if key.point_ids else None
    text = exposition(_present(rooms().readiness), domain=key.domain, points=codes)
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _codes(directory: Directory, *, ids: Collection[UUID]) -> Collection[str]:
    return {point.code for point in directory.points.values() if point.id in ids}


def _present(readiness: Readiness) -> Iterable[Metric]:
    spool, away = readiness.spool.look(), readiness.database() != "ok"
    depth = spool.depth
    yield InfoMetricFamily("receiver_build", "What runs here.", value={"version": VERSION})
    yield _gauge("receiver_store_away", "1 while Postgres can't commit.", away)
    yield _gauge(
        "receiver_spool_usable", "1 while the spool would take facts.", spool.status == "ok"
    )
    yield _gauge("receiver_spool_facts", "Facts that wait for the store.", depth.facts)
    yield _gauge("receiver_spool_bytes", "Size of what waits for the store.", depth.bytes)
    yield _gauge("receiver_spool_segments", "Files that wait for the store.", depth.segments)
    yield _gauge("receiver_spool_damaged", "Files that can't be read whole.", depth.damaged)
    yield _gauge(
        "receiver_spool_oldest_seconds", "Age of the oldest fact that waits.", spool.oldest_seconds
    )
    yield _gauge(
        "receiver_feed_lag_seconds",
        "For how long a transaction has held the change feed back.",
        readiness.feed_lag_seconds(),
    )
    yield _questions(readiness.questions())


def _questions(asked: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(
        "receiver_questions",
        "Questions to the platform about overdue sends, by what came of them, of all hosts.",
        labels=["finding"],
    )
    for finding, n in asked.items():
        counter.add_metric([finding], n)
    return counter


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
