"""One visit of the load to a server, and what it cost."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bench.load import Journal, Load, NobodyAnswersError, Requests
from bench.process_tree import busy_seconds, cpu_seconds, memory_bytes
from bench.servers import Server

WARM_UP_SECONDS: Final = 1.5
_MICROSECONDS: Final = 1_000_000
_MILLISECONDS: Final = 1_000
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one visit measured; processor times are per request."""

    requests: int
    requests_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    server_cpu_us: float
    postgres_cpu_us: float
    load_cpu_us: float
    memory_mib: float
    others: float
    """Processors that were busy with anything else, on average."""


@dataclass
class Visitor:
    """Visits one server again and again, and remembers every id."""

    server: Server
    postgres_pid: int
    connections: int
    requests: Requests
    answered: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    def warm_up(self) -> None:
        """Visit it before anything counts. Raises NobodyAnswersError where it doesn't serve."""
        self.closed(WARM_UP_SECONDS)
        if self.refused or not self.answered:
            raise NobodyAnswersError(
                f"{self.server.address} doesn't answer 200: {self.refused or 'silence'}"
            )

    def closed(self, seconds: float) -> Figures:
        """Keep all connections busy for so long."""
        return self._visit(lambda load: load.closed(seconds))

    def open(self, seconds: float, *, rate: float) -> Figures:
        """Send at `rate` for so long."""
        return self._visit(lambda load: load.open(seconds, rate=rate, seed=len(self.answered)))

    def _visit(self, send: Callable[[Load], Journal]) -> Figures:
        server, postgres = cpu_seconds(self.server.pid), cpu_seconds(self.postgres_pid)
        own, busy, began = _own_cpu(), busy_seconds(), time.monotonic()
        with Load(self.server.address, self.requests, connections=self.connections) as load:
            journal = send(load)
        own, busy, took = _own_cpu() - own, busy_seconds() - busy, time.monotonic() - began
        server = cpu_seconds(self.server.pid) - server
        postgres = cpu_seconds(self.postgres_pid) - postgres
        self._remember(journal)
        latencies, number = journal.sorted_latencies, len(journal.ids)
        return Figures(
            requests=number,
            requests_per_second=journal.rate,
            p50_ms=quantile(latencies, 0.50) * _MILLISECONDS,
            p95_ms=quantile(latencies, 0.95) * _MILLISECONDS,
            p99_ms=quantile(latencies, 0.99) * _MILLISECONDS,
            server_cpu_us=server / max(number, 1) * _MICROSECONDS,
            postgres_cpu_us=postgres / max(number, 1) * _MICROSECONDS,
            load_cpu_us=own / max(number, 1) * _MICROSECONDS,
            memory_mib=memory_bytes(self.server.pid) / _MEBIBYTE,
            others=max(0.0, busy - server - postgres - own) / took,
        )

    def _remember(self, journal: Journal) -> None:
        self.answered += journal.answered
        for status, times in journal.refused.items():
            self.refused[status] = self.refused.get(status, 0) + times


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of them lie; not a number where there are none."""
    return ordered[int(share * (len(ordered) - 1))] if ordered else float("nan")


def _own_cpu() -> float:
    used = os.times()
    return used.user + used.system
