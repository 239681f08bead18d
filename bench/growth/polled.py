"""Fifty who ask once a second whether what they have still holds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from bench.growth.questions import PAGE_ITEMS, Question, Questions, answer, requests
from bench.process_tree import cpu_seconds
from bench.servers import Server
from bench.service import Service
from bench.visits import Figures, Visitor

POLLERS: Final = 50
POLL_SECONDS: Final = 20.0
#: What all pollers together may take of one processor, Postgres included.
TARGETS: Final = {"one send": 0.08, "a page of 50": 0.15}


@dataclass(frozen=True, kw_only=True)
class Polled:
    """What one processor was busy with; `idle` is what service and Postgres take without them."""

    service: float
    postgres: float
    idle: float
    answered: int
    refused: Mapping[int, int]

    @property
    def cost(self) -> float:
        """Return what the pollers took."""
        return self.service + self.postgres - self.idle


def poll(
    each: Service, server: Server, questions: Questions, *, postgres_pid: int
) -> dict[str, Polled]:
    """Poll one send, then a page of sends."""
    idle = _idle(server, postgres_pid)
    asked = (questions.look_up(), Question(f"/api/v1/sends?limit={PAGE_ITEMS}"))
    found = {}
    for name, question in zip(TARGETS, asked, strict=True):
        with answer(each, question.path) as first:
            again = requests(each, repeat(question), If_None_Match=str(first.headers["ETag"]))
        pollers = Visitor(server, postgres_pid, POLLERS, again)
        pollers.warm_up()
        figures = pollers.open(POLL_SECONDS, rate=POLLERS)
        found[name] = Polled(
            service=_processors(figures, figures.server_cpu_us),
            postgres=_processors(figures, figures.postgres_cpu_us),
            idle=idle,
            answered=figures.requests,
            refused=pollers.refused,
        )
    return found


def _idle(server: Server, postgres_pid: int) -> float:
    pids = (server.pid, postgres_pid)
    before = sum(map(cpu_seconds, pids))
    time.sleep(POLL_SECONDS)
    return (sum(map(cpu_seconds, pids)) - before) / POLL_SECONDS


def _processors(figures: Figures, cpu_us: float) -> float:
    return cpu_us * figures.requests / POLL_SECONDS / 1_000_000
