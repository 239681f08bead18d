"""A thousand points and a storm on one: what becomes of the others' answers."""

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from time import sleep
from typing import Any, Final

import click
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bench import machine, postgres, receipts, service
from bench.accounting import Account, account, faults
from bench.figures import Spread
from bench.load import Load, Requests
from bench.report import quietness
from bench.rooms import Room
from bench.servers import Server
from bench.visits import Figures, Visitor
from receiver.store import points
from receiver.store.database import sqlalchemy_url

#: p99 of the others beside a storm over that without one.
TARGET: Final = 2.0
CONNECTIONS: Final = 64
#: The storm is there before the others are measured, and goes on after them.
LEAD_SECONDS: Final = 0.5
#: Beyond those of the others.
SEED: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is measured: points besides the one, their requests a second, the storm's lines."""

    rounds: int
    seconds: float
    others: int
    rate: float
    connections: int
    workers: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """What the others got without and with a storm, and how many a second the storm got in."""

    alone: Figures
    beside: Figures
    storm_rate: float


@dataclass
class Outcome:
    """All that a run found."""

    options: Options
    machine: Mapping[str, str | int | float] = field(default_factory=machine.machine)
    versions: Mapping[str, str] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    refused: dict[str, dict[int, int]] = field(default_factory=dict)

    @property
    def ratio(self) -> Spread:
        """Return p99 of the others beside a storm over that without one."""
        return Spread.of_ratios(self._p99("beside"), self._p99("alone"))

    @property
    def faults(self) -> Sequence[str]:
        """What must not be, in sentences."""
        return faults(self.accounts, self.refused)

    def as_json(self) -> dict[str, Any]:
        """Return all of it, with the ratio."""
        return asdict(self) | {
            "p99_ms": {side: asdict(Spread.of(self._p99(side))) for side in ("alone", "beside")},
            "storm_rate": asdict(self._storm),
            "beside/alone": asdict(self.ratio),
        }

    def shown(self) -> str:
        """Return it in sentences."""
        alone, beside = (Spread.of(self._p99(side)) for side in ("alone", "beside"))
        judged = "as it should be" if self.ratio.median <= TARGET else "TARGET MISSED"
        lines = [
            f"the others at {self.options.rate:.0f}/s, p99 alone: {alone.shown(1)} ms",
            f"beside a storm of {self._storm.shown(0)}/s: {beside.shown(1)} ms",
            f"beside / alone: {self.ratio.shown(2)}, target at most {TARGET:.1f}: {judged}",
            f"lost: {sum(each.lost for each in self.accounts.values())}",
            *quietness(found.alone for found in self.rounds),
        ]
        return "\n".join(lines)

    @property
    def _storm(self) -> Spread:
        return Spread.of(each.storm_rate for each in self.rounds)

    def _p99(self, side: str) -> Iterator[float]:
        return (getattr(each, side).p99_ms for each in self.rounds)


def measure(options: Options) -> Outcome:
    """Visit the others in turn without and with a storm, and account for everything."""
    outcome = Outcome(options)
    context = get_context("spawn")
    with postgres.running() as server, ProcessPoolExecutor(1, mp_context=context) as sky:
        outcome.versions = machine.versions(server.url)
        room = Room(name="storm", postgres=server, workers=options.workers)
        prepared = service.prepare(room)
        urls = _others(prepared, options.others)
        with service.serving(prepared) as up:
            others = Visitor(up, server.pid, options.connections, spread(urls))
            storm = Storm(sky, up, options.connections)
            others.warm_up()
            storm.calm(storm.blow(1.0))
            for number in range(options.rounds):
                outcome.rounds.append(_round(others, storm, number, options))
        click.echo("Looking for every notification that was answered 200...")
        for name, each in (("others", others), ("storm", storm)):
            outcome.refused[name] = each.refused
            outcome.accounts[name] = account(prepared.database_url, each.answered, tables=up.tables)
    return outcome


@dataclass
class Storm:
    """Another process that keeps its connections to one hook busy, and remembers every id."""

    sky: ProcessPoolExecutor
    server: Server
    connections: int
    gusts: int = 0
    answered: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    def blow(self, seconds: float) -> "Future[Gust]":
        """Begin a gust."""
        self.gusts += 1
        hook_url, seed = self.server.hook_url, SEED + self.gusts
        return self.sky.submit(gust_of, hook_url, self.connections, seconds, seed=seed)

    def calm(self, gust: "Future[Gust]") -> float:
        """Wait for the end of a gust; return how many a second it got in."""
        found = gust.result()
        self.answered += found.answered
        for status, times in found.refused.items():
            self.refused[status] = self.refused.get(status, 0) + times
        return found.rate


@dataclass(frozen=True, kw_only=True)
class Gust:
    """What came of one gust."""

    answered: list[str]
    refused: dict[int, int]
    rate: float


def gust_of(hook_url: str, connections: int, seconds: float, *, seed: int) -> Gust:
    """Send on every connection as soon as it has its answer, for so long."""
    server = Server(hook_url=hook_url, pid=0)
    requests = receipts.requests(hook_url, seed=seed)
    with Load(server.address, requests, connections=connections) as load:
        journal = load.closed(seconds)
    return Gust(answered=journal.answered, refused=journal.refused, rate=journal.rate)


def _others(prepared: service.Service, number: int) -> list[str]:
    """Make the other points, and return their hooks."""
    base = prepared.hook_url.rpartition("/")[0]
    engine = create_engine(sqlalchemy_url(prepared.database_url))
    with Session(engine) as session:
        made = [points.add(session, domain="default", code=f"other-{n}") for n in range(number)]
        session.commit()
    engine.dispose()
    return [f"{base}/{point.token_local}" for point in made]


def spread(urls: Sequence[str]) -> Requests:
    """Yield receipts for one of the hooks at a time, by chance."""
    streams = [receipts.requests(url, seed=seed) for seed, url in enumerate(urls)]
    choice = random.Random(0).choice  # noqa: S311
    while True:
        yield next(choice(streams))


def _round(others: Visitor, storm: Storm, number: int, options: Options) -> Round:
    """Visit the others both ways; every second round begins with the storm."""
    found: dict[str, Figures] = {}
    storm_rate = 0.0
    for side in ("alone", "beside") if number % 2 == 0 else ("beside", "alone"):
        gust = storm.blow(options.seconds + 2 * LEAD_SECONDS) if side == "beside" else None
        sleep(LEAD_SECONDS)
        found[side] = others.open(options.seconds, rate=options.rate)
        storm_rate = storm.calm(gust) if gust else storm_rate
    measured = Round(alone=found["alone"], beside=found["beside"], storm_rate=storm_rate)
    click.echo(
        f"round {number + 1}/{options.rounds}  p99 {measured.alone.p99_ms:.1f} ms,"
        f" beside {measured.storm_rate:.0f}/s {measured.beside.p99_ms:.1f} ms"
    )
    return measured
