"""What the service counts, for Prometheus, over all processes of one `receiver serve`.

Each count has one caller:

- web/access.py, per notification that was taken: `notified(domain, point, kind, result)`
- web/access.py, per answer of a hook: `answered(seconds)`, `refused(domain, point, reason, status)`
- web/hooks.py and web/arrivals.py, of what is odd: `quarantined(domain, point, reason)`,
  `unknown_status(domain, point)`, `mismatched(domain, point, hint)`
- inbox, per batch that is durable: `committed(waits, seconds)`, `spooled(facts, seconds)`,
  `drained(ages)`; per record of sends `recorded(domain, source, result, sends)`, per
  second `queued(facts, oldest_seconds)`
- store/apply.py, per attempt that Postgres made repeat: `retried(cause)`; per batch that it
  answered and would not keep: `store_refused(cause)`
- web/gateway, per call: `forwarded(api, result, seconds)`, `unrecorded()`
- receiver/outlet.py: `log_lines_dropped(lines)`

Labels are few: a point's domain and code, words of ours. No token, number or path is ever one.
"""

import os
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from receiver import metric_files
from receiver.metric_families import OTHER, BatchHistogram, BoundedCounter

ANSWER_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 9.0)
#: Of the platform, which has nine.
PLATFORM_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 9.0)
#: What waits in a spool is applied much later.
APPLIED_SECONDS: Final = (0.01, 0.05, 0.25, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3600.0, 21600.0)
BATCH_FACTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_KIBIBYTE: Final = 1024
#: Where facts wait in a spool, they are tried again sooner.
_REFUSES_SECONDS: Final = 60.0
_POINT: Final = ("domain", "point")


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


def _counter(name: str, told: str, labels: Sequence[str], room_kib: int) -> BoundedCounter:
    counter = Counter(f"receiver_{name}", told, labels, registry=_REGISTRY)
    return BoundedCounter(counter, room_bytes=room_kib * _KIBIBYTE)


def _histogram(
    name: str, told: str, buckets: Sequence[float], labels: Sequence[str] = ()
) -> Histogram:
    return Histogram(f"receiver_{name}", told, labels, buckets=buckets, registry=_REGISTRY)


def _gauge(name: str, told: str, mode: Literal["livesum", "livemax"]) -> Gauge:
    return Gauge(f"receiver_{name}", told, registry=_REGISTRY, multiprocess_mode=mode)


#: All rooms together are a little less than a process has in its file: see `metric_files`.
_NOTIFICATIONS: Final = _counter(
    "notifications",
    "Notifications that are durable, by what became of them.",
    (*_POINT, "kind", "result"),
    600,
)
_QUARANTINED: Final = _counter(
    "quarantined", "Those among them in quarantine, by reason.", (*_POINT, "reason"), 250
)
_REFUSALS: Final = _counter(
    "refusals",
    "Calls of hooks that were not taken; after a 503 or 413 the platform comes again.",
    (*_POINT, "reason", "status"),
    400,
)
_UNKNOWN: Final = _counter(
    "unknown_statuses", "Receipts whose status is spelled as none that we know.", _POINT, 80
)
_MISMATCHES: Final = _counter(
    "hint_mismatches", "Calls whose sub-path promised another kind.", (*_POINT, "hint"), 100
)
_SENDS: Final = _counter(
    "sends", "Sends as they were recorded.", ("domain", "source", "result"), 32
)
_RETRIES: Final = _counter(
    "store_retries", "Transactions that Postgres made us repeat, by why.", ("cause",), 8
)
_ANSWERS: Final = BatchHistogram(
    _histogram(
        "answer_seconds", "From the first line of a notification to its answer.", ANSWER_SECONDS
    )
)
_DURABLE: Final = _histogram(
    "durable_seconds", "How long a fact waited until it was durable.", ANSWER_SECONDS, ("way",)
)
_DIRECT, _SPOOL = (BatchHistogram(_DURABLE.labels(way)) for way in ("direct", "spool"))
_APPLIED: Final = BatchHistogram(
    _histogram("applied_seconds", "How long until the ledger had a fact.", APPLIED_SECONDS)
)
_COMMITS: Final = BatchHistogram(
    _histogram("commit_seconds", "How long the store took for a batch.", ANSWER_SECONDS)
)
_BATCHES: Final = BatchHistogram(
    _histogram("batch_facts", "Facts in one transaction of the writer.", BATCH_FACTS)
)
_QUEUE_FACTS: Final = _gauge("queue_facts", "Facts that wait for their commit.", "livesum")
_QUEUE_SECONDS: Final = _gauge(
    "queue_oldest_seconds", "How long the one has waited that came first.", "livemax"
)
_COMMITTED_AT: Final = _gauge(
    "store_committed_at_seconds", "When Postgres last committed facts, since 1970.", "livemax"
)
_REFUSED_AT: Final = Gauge(
    "receiver_store_refused_at_seconds",
    "When Postgres last refused to commit, since 1970, by why.",
    ["cause"],
    registry=_REGISTRY,
    multiprocess_mode="livemax",
)
_FORWARDED: Final = _counter("gateway_calls", "Calls of the gateway.", ("api", "result"), 16)
_PLATFORM: Final = BatchHistogram(
    _histogram(
        "gateway_platform_seconds",
        "How long the gateway waited for the platform.",
        PLATFORM_SECONDS,
    )
)
_UNRECORDED: Final = Counter(
    "receiver_gateway_unrecorded",
    "Calls that were forwarded and of which nothing could be written down.",
    registry=_REGISTRY,
)
_DROPPED: Final = Counter(
    "receiver_log_lines_dropped", "Log lines that stdout would not take.", registry=_REGISTRY
)

notified: Final = _NOTIFICATIONS.add
quarantined: Final = _QUARANTINED.add
unknown_status: Final = _UNKNOWN.add
mismatched: Final = _MISMATCHES.add
retried: Final = _RETRIES.add
answered: Final = _ANSWERS.observe


def refused(domain: str, point: str, reason: str, status: int) -> None:
    """Count a call of a hook that brought what was not taken; empty where no point is known."""
    _REFUSALS.add(domain, point, reason, str(int(status)))


def recorded(domain: str, source: str, result: str, sends: int) -> None:
    """Count sends that somebody told us of."""
    _SENDS.add(domain, source, result, n=sends)


def committed(waits: Sequence[tuple[float, int]], seconds: float) -> None:
    """Count a batch of the writer: how many facts waited how long, and what the store took."""
    _DIRECT.observe_all(waits)
    _APPLIED.observe_all(waits)
    _BATCHES.observe(sum(facts for _, facts in waits))
    _COMMITS.observe(seconds)
    _COMMITTED_AT.set(time.time())


def spooled(facts: int, seconds: float) -> None:
    """Count facts that the spool has taken, and how long they waited for that."""
    _SPOOL.observe_all([(seconds, facts)])


def drained(ages_seconds: Iterable[float]) -> None:
    """Count facts of the spool that the ledger has now, by how long ago they were accepted."""
    _APPLIED.observe_all((seconds, 1) for seconds in ages_seconds)
    _COMMITTED_AT.set(time.time())


def store_refused(cause: str) -> None:
    """Take note that Postgres answers, and would not commit, for one of few causes."""
    _REFUSED_AT.labels(cause).set(time.time())


def store_refusal() -> str:
    """Return why Postgres commits nothing, as far as this process knows; empty if it does."""
    moments = [*_COMMITTED_AT.collect(), *_REFUSED_AT.collect()]
    return refusal_in(sample for metric in moments for sample in metric.samples)


def refusal_in(samples: Iterable[Sample]) -> str:
    """Return why Postgres has last refused, if that was in this minute and nothing came after."""
    names = {"receiver_store_committed_at_seconds", "receiver_store_refused_at_seconds"}
    at = {each.labels.get("cause", ""): each.value for each in samples if each.name in names}
    last = max(at, key=at.__getitem__, default="")
    return last if at.get(last, 0) > time.time() - _REFUSES_SECONDS else ""


def queued(facts: int, oldest_seconds: float) -> None:
    """Tell what waits for its commit in this process."""
    _QUEUE_FACTS.set(facts)
    _QUEUE_SECONDS.set(oldest_seconds)


def forwarded(api: str, result: str, seconds: float | None) -> None:
    """Count a call of the gateway by what came of it; with how long the platform took, if asked."""
    _FORWARDED.add(api, result)
    if seconds is not None:
        _PLATFORM.observe(seconds)


def unrecorded() -> None:
    """Count a call of which nothing could be written down."""
    _UNRECORDED.inc()


def log_lines_dropped(lines: int) -> None:
    """Count log lines that nobody will read."""
    _DROPPED.inc(lines)


def exposition(
    present: Iterable[Metric], *, domain: str | None, points: Collection[str] | None = None
) -> bytes:
    """Return what all processes have counted and what is so now, as Prometheus reads it.

    Of what belongs to a domain only this one's, unless it is None, and of points only `points`
    where any are named; with what belongs to none, or is counted together.
    """
    registry = CollectorRegistry()
    registry.register(_Found(present))
    domains = None if domain is None else {domain, "", OTHER}
    registry.register(_Found(_visible(_counted(), domains, points)))
    return generate_latest(registry)


class _Found:
    """Metrics as they were found, for a registry that asks for them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counted() -> Iterable[Metric]:
    if FOLDER is None:
        return _REGISTRY.collect()
    metric_files.forget_dead(FOLDER)
    everybody = MultiProcessCollector(None, path=str(FOLDER))  # type: ignore[no-untyped-call]
    return cast("Iterable[Metric]", everybody.collect())  # type: ignore[no-untyped-call]


def _visible(
    metrics: Iterable[Metric],
    domains: Collection[str] | None,
    points: Collection[str] | None,
) -> Iterable[Metric]:
    for metric in metrics:
        metric.samples = [
            sample
            for sample in metric.samples
            if (domains is None or sample.labels.get("domain", "") in domains)
            and (points is None or sample.labels.get("point", "") in {"", *points})
        ]
        yield metric
