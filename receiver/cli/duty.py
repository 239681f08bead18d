"""What a worker does again and again, and what is told of it to whoever looks after it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import psycopg
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.metrics_core import SummaryMetricFamily
from sqlalchemy.exc import DBAPIError

from receiver.domain.errors import ReceiverError

_DUTY: Final = ("duty",)
Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)

logger = structlog.get_logger()


@dataclass(eq=False)
class Duty:
    """Something that is to be done again and again."""

    name: str
    work: Callable[[psycopg.Connection[Any]], None]
    every_seconds: float
    next_at: float = 0.0  # on the monotonic clock
    turns: int = 0
    """How often it was taken up, with success or without."""
    failures: int = 0
    took_seconds: float = 0.0
    """All its turns together."""
    done_at: float = 0.0
    """When it last succeeded, in Unix time."""

    def do(self, connection: psycopg.Connection[Any]) -> None:
        """Do it; one that fails keeps no other from being done. Raises where the line is lost."""
        began = time.monotonic()
        try:
            self.work(connection)
            self.done_at = time.time()
        except (ReceiverError, psycopg.Error, DBAPIError) as error:
            self.failures += 1
            if connection.closed:
                raise
            logger.warning("duty_failed", duty=self.name, error=type(error).__name__)
        finally:
            ended = time.monotonic()
            self.turns += 1
            self.took_seconds += ended - began
            self.next_at = ended + self.every_seconds


@dataclass(eq=False)
class Shift:
    """The turn of one among several workers, and the duties that it does then."""

    duties: Sequence[Duty] = ()
    works: bool = False
    since: float | None = None
    """When its turn began, in Unix time; lines that are lost don't end it, another worker does."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.registry.register(self)

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Take note that it works, for as long as the context lasts."""
        self.works, self.since = True, self.since or time.time()
        try:
            yield
        finally:
            self.works = False

    def waits(self) -> None:
        """Take note that another worker has its turn."""
        self.since = None

    def collect(self) -> Iterable[Metric]:
        """Yield how it goes, as Prometheus reads it.

        When a duty was last done is told from the beginning of a turn on, which stands for it
        until then: so its age alone says that something is wrong.
        """
        yield GaugeMetricFamily(
            "receiver_worker_turn",
            "1 while this worker works, 0 while it waits for its turn, or for Postgres.",
            value=self.works,
        )
        took = SummaryMetricFamily("receiver_duty_seconds", "How long duties took.", labels=_DUTY)
        failed = _of(CounterMetricFamily, "failures", "Turns of duties that failed.")
        period = _of(GaugeMetricFamily, "period_seconds", "How long a duty rests after a turn.")
        done = _of(GaugeMetricFamily, "success_timestamp_seconds", "When it was last done.")
        since = self.since
        for duty in self.duties:
            took.add_metric([duty.name], duty.turns, duty.took_seconds)
            failed.add_metric([duty.name], duty.failures)
            period.add_metric([duty.name], duty.every_seconds)
            if since is not None:
                done.add_metric([duty.name], max(duty.done_at, since))
        yield from (took, failed, period, done)


def _of(family: type[Family], name: str, told: str) -> Family:
    return family(f"receiver_duty_{name}", told, labels=_DUTY)
