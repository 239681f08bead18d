"""What the service counts, for Prometheus, over all processes of one `receiver serve`.

Each count has one caller:

- web/access.py, per notification that was taken: `notified(domain, point, kind, result)`
- web/access.py, per answer of a hook: `answered(seconds)`, `refused(reason, status)`
- inbox, per batch that is durable: `made_durable(facts, way)`; the writer's way is `direct`
- web/gateway, per call: `forwarded(api, result, seconds)`, `unrecorded()`
- receiver/outlet.py: `log_lines_dropped(lines)`

Labels are few: a point's domain and code, words of ours. No token, number or path is ever one.
"""

import os
from collections.abc import Collection, Iterable
from typing import Final, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from receiver import metric_files

#: Points past these, in the order of their first notifications, are counted as one.
MOST_POINTS: Final = 200
OTHER: Final = "other"
ANSWER_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 9.0)
#: Of the platform, which has nine.
PLATFORM_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 9.0)
BATCH_FACTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class _OwnValue(values.MultiProcessValue()):  # type: ignore[misc]
    """A count in this process's file. The library's own locks it, though no greenlet waits here."""

    def inc(self, amount: float) -> None:
        self._value += amount
        self._file.write_value(self._key, self._value, 0.0)


#: The folder that all processes count in; None where each counts for itself.
FOLDER: Final = metric_files.claim(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
disable_created_metrics()  # type: ignore[no-untyped-call]
values.ValueClass = _OwnValue if FOLDER else values.MutexValue

_REGISTRY: Final = CollectorRegistry()
_NOTIFICATIONS: Final = Counter(
    "receiver_notifications",
    "Notifications that are durable, by what became of them.",
    ("domain", "point", "kind", "result"),
    registry=_REGISTRY,
)
_REFUSALS: Final = Counter(
    "receiver_refusals",
    "Calls of hooks that were not taken; after a 503 or 413 the platform comes again.",
    ("reason", "status"),
    registry=_REGISTRY,
)
_ANSWERS: Final = Histogram(
    "receiver_answer_seconds",
    "From the first line of a notification to its answer.",
    buckets=ANSWER_SECONDS,
    registry=_REGISTRY,
)
_DURABLE: Final = Counter(
    "receiver_durable", "Facts made durable, by the way they took.", ("way",), registry=_REGISTRY
)
_BATCHES: Final = Histogram(
    "receiver_batch_facts",
    "Facts in one transaction of the writer.",
    buckets=BATCH_FACTS,
    registry=_REGISTRY,
)
_FORWARDED: Final = Counter(
    "receiver_gateway_calls", "Calls of the gateway.", ("api", "result"), registry=_REGISTRY
)
_PLATFORM: Final = Histogram(
    "receiver_gateway_platform_seconds",
    "How long the gateway waited for the platform.",
    buckets=PLATFORM_SECONDS,
    registry=_REGISTRY,
)
_UNRECORDED: Final = Counter(
    "receiver_gateway_unrecorded",
    "Calls that were forwarded and of which nothing could be written down.",
    registry=_REGISTRY,
)
_DROPPED: Final = Counter(
    "receiver_log_lines_dropped", "Log lines that stdout would not take.", registry=_REGISTRY
)

_points: set[tuple[str, str]] = set()
_notified: dict[tuple[str, str, str, str], Counter] = {}
_refused: dict[tuple[str, int], Counter] = {}
_durable: dict[str, Counter] = {way: _DURABLE.labels(way) for way in ("direct", "spool")}


def notified(domain: str, point: str, kind: str, result: str) -> None:
    """Count a notification of the point with this code in its domain."""
    counter = _notified.get((domain, point, kind, result))
    if counter is None:
        counter = _bound(domain, point, kind, result)
    counter.inc()


def refused(reason: str, status: int) -> None:
    """Count a call of a hook that was answered without taking what it brought."""
    counter = _refused.get((reason, status))
    if counter is None:
        counter = _refused[reason, status] = _REFUSALS.labels(reason, status)
    counter.inc()


def answered(seconds: float) -> None:
    """Take note of how long a notification waited for its answer."""
    _ANSWERS.observe(seconds)


def made_durable(facts: int, way: str) -> None:
    """Count the facts of one batch that is durable now, `direct` or by the `spool`."""
    _durable[way].inc(facts)
    if way == "direct":
        _BATCHES.observe(facts)


def forwarded(api: str, result: str, seconds: float | None) -> None:
    """Count a call of the gateway by what came of it; with how long the platform took, if asked."""
    _FORWARDED.labels(api, result).inc()
    if seconds is not None:
        _PLATFORM.observe(seconds)


def unrecorded() -> None:
    """Count a call of which nothing could be written down."""
    _UNRECORDED.inc()


def log_lines_dropped(lines: int) -> None:
    """Count log lines that nobody will read."""
    _DROPPED.inc(lines)


def exposition(
    present: Iterable[Metric], *, domain: str, points: Collection[str] | None = None
) -> bytes:
    """Return what all processes have counted and what is so now, as Prometheus reads it.

    Of what is told apart by points only those of a domain, and of `points` where any are named.
    """
    registry = CollectorRegistry()
    registry.register(_Found(present))
    registry.register(_Found(_visible(_counted(), domain, points)))
    return generate_latest(registry)


class _Found:
    """Metrics as they were found, for a registry that asks for them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counted() -> Iterable[Metric]:
    if FOLDER:
        everybody = MultiProcessCollector(None, path=str(FOLDER))  # type: ignore[no-untyped-call]
        return cast(Iterable[Metric], everybody.collect())  # type: ignore[no-untyped-call]
    return _REGISTRY.collect()


def _visible(
    metrics: Iterable[Metric], domain: str, points: Collection[str] | None
) -> Iterable[Metric]:
    for metric in metrics:
        metric.samples = [
            sample
            for sample in metric.samples
            if sample.labels.get("domain", domain) == domain
            and (points is None or sample.labels.get("point") in {None, *points})
        ]
        yield metric


def _bound(domain: str, point: str, kind: str, result: str) -> Counter:
    """Return the counter for these labels; looking it up here takes longer than counting."""
    if len(_points) < MOST_POINTS:
        _points.add((domain, point))
    is_told_apart = (domain, point) in _points
    counter = _NOTIFICATIONS.labels(domain, point if is_told_apart else OTHER, kind, result)
    if is_told_apart:
        _notified[domain, point, kind, result] = counter
    return counter
