"""How fast notifications are taken, beside a view that only answers and beside the usual way."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import click

from bench import machine, postgres, receipts
from bench.accounting import Account, account, faults
from bench.contenders import Contender
from bench.figures import Spread
from bench.postgres import Postgres
from bench.rooms import Room
from bench.visits import Figures, Visitor

#: Visits at half of the rate that our own service sustained.
HALF_LOAD_VISITS: Final = 9
OURS: Final = "receiver"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    connections: int
    workers: int


@dataclass
class Outcome:
    """All that a run found."""

    contenders: Sequence[Contender]
    options: Options
    machine: Mapping[str, str | int | float] = field(default_factory=machine.machine)
    versions: Mapping[str, str] = field(default_factory=dict)
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    half_load: list[Figures] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    refused: dict[str, dict[int, int]] = field(default_factory=dict)

    def spread(self, name: str, figure: str) -> Spread:
        """Return a figure of one contender over the rounds."""
        return Spread.of(self._values(name, figure))

    def ratios(self) -> Mapping[str, Spread]:
        """Return how much faster ours was than each other, in the same round."""
        ours = list(self._values(OURS, "requests_per_second"))
        return {
            each.name: Spread.of_ratios(ours, self._values(each.name, "requests_per_second"))
            for each in self.contenders
            if each.name != OURS
        }

    def _values(self, name: str, figure: str) -> Iterator[float]:
        return (getattr(found[name], figure) for found in self.rounds)

    @property
    def half_rate(self) -> float:
        """Half of what ours sustained."""
        return self.spread(OURS, "requests_per_second").median / 2

    @property
    def faults(self) -> Sequence[str]:
        """What must not be, in sentences."""
        return faults(self.accounts, self.refused)


def measure(contenders: Sequence[Contender], options: Options) -> Outcome:
    """Set all up, visit each in turn, and account for every notification."""
    outcome = Outcome(contenders, options)
    with ExitStack() as stack:
        click.echo("Setting up Postgres...")
        server = stack.enter_context(postgres.running())
        outcome.versions = machine.versions(server.url)
        visitors = dict(_visitors(stack, server, outcome))
        for visitor in visitors.values():
            visitor.warm_up()
        for number in range(options.rounds):
            outcome.rounds.append(_round(visitors, number, options))
        if OURS in visitors:
            outcome.half_load = list(_half_load(visitors[OURS], outcome))
        _account(visitors, outcome)
    return outcome


def _visitors(
    stack: ExitStack, server: Postgres, outcome: Outcome
) -> Iterator[tuple[str, Visitor]]:
    for seed, contender in enumerate(outcome.contenders):
        click.echo(f"Setting up: {contender.title}...")
        room = Room(name=contender.name, postgres=server, workers=outcome.options.workers)
        up = stack.enter_context(contender.serving(room))
        requests = receipts.requests(up.hook_url, seed=seed)
        yield contender.name, Visitor(up, server.pid, outcome.options.connections, requests)


def _round(visitors: Mapping[str, Visitor], number: int, options: Options) -> dict[str, Figures]:
    """Visit each; every round begins with another, so that none always comes after the same."""
    names = list(visitors)
    first = number % len(names)
    found = {}
    click.echo(f"round {number + 1}/{options.rounds}", nl=False)
    for name in names[first:] + names[:first]:
        found[name] = visitors[name].closed(options.seconds)
        click.echo(f"  {name} {found[name].requests_per_second:.0f}/s", nl=False)
    click.echo()
    return {name: found[name] for name in names}


def _half_load(visitor: Visitor, outcome: Outcome) -> Iterator[Figures]:
    rate = outcome.half_rate
    for number in range(HALF_LOAD_VISITS):
        found = visitor.open(outcome.options.seconds, rate=rate)
        click.echo(f"half load {number + 1}/{HALF_LOAD_VISITS}  {OURS} p99 {found.p99_ms:.1f} ms")
        yield found


def _account(visitors: Mapping[str, Visitor], outcome: Outcome) -> None:
    click.echo("Looking for every notification that was answered 200...")
    for name, visitor in visitors.items():
        outcome.refused[name] = visitor.refused
        if visitor.server.tables:
            outcome.accounts[name] = account(
                visitor.server.database_url, visitor.answered, tables=visitor.server.tables
            )
