"""A full ledger beside an empty one, in turn: taking notifications, applying, looking sends up."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

import click
import psycopg

from bench import receipts, service
from bench.accounting import Account, account
from bench.figures import Spread
from bench.load import Requests
from bench.service import Service
from bench.visits import Figures, Visitor
from receiver.domain.facts import Fact, Receipt, Source, stamp
from receiver.platform.recognise import recognise
from receiver.store.apply import apply
from receiver.store.database import connect

CONNECTIONS: Final = 64
#: Who looks a send up waits for the answer: one connection, one question at a time.
LOOK_UP_SECONDS: Final = 2.0
APPLY_BATCHES: Final = 25
APPLY_FACTS: Final = 64
#: At most so much worse than the empty one.
INGEST_TARGET: Final = 0.85
LOOK_UP_TARGET: Final = 1.5

#: Past every port: facts that are applied have other transids than notifications that are posted.
_OTHERS: Final = 100_000

#: Makes a transid that its ledger knows.
Known = Callable[[], str]


@dataclass(frozen=True)
class Round:
    """What one round measured of one ledger."""

    ingest: Figures
    look_up: Figures
    applied_per_second: float


@dataclass
class Comparison:
    """All that the rounds found; names are `full` and `empty`."""

    rounds: list[dict[str, Round]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    refused: dict[str, dict[int, int]] = field(default_factory=dict)

    def ratio(self, figure: Callable[[Round], float]) -> Spread:
        """Return a figure of the full ledger over that of the empty one."""
        full, empty = ([figure(each[name]) for each in self.rounds] for name in ("full", "empty"))
        return Spread.of_ratios(full, empty)

    @property
    def ingest(self) -> Spread:
        """Return how fast notifications are taken over HTTP."""
        return self.ratio(lambda found: found.ingest.requests_per_second)

    @property
    def applied(self) -> Spread:
        """Return how fast facts are applied, without HTTP."""
        return self.ratio(lambda found: found.applied_per_second)

    @property
    def look_up(self) -> Spread:
        """Return how long a look-up takes: the median of each round."""
        return self.ratio(lambda found: found.look_up.p50_ms)


@dataclass(frozen=True)
class Side:
    """One ledger under comparison."""

    taking: Visitor
    looking: Visitor
    connection: psycopg.Connection[Any]
    facts: Iterator[Fact]

    def visit(self, seconds: float) -> Round:
        """Measure everything once."""
        return Round(
            ingest=self.taking.closed(seconds),
            look_up=self.looking.closed(LOOK_UP_SECONDS),
            applied_per_second=self._apply(),
        )

    def _apply(self) -> float:
        batches = [list(islice(self.facts, APPLY_FACTS)) for _ in range(APPLY_BATCHES)]
        began = time.perf_counter()
        for batch in batches:
            apply(self.connection, batch)
        return APPLY_BATCHES * APPLY_FACTS / (time.perf_counter() - began)


def compare(
    services: Mapping[str, Service],
    known: Mapping[str, Known],
    *,
    postgres_pid: int,
    rounds: int,
    seconds: float,
) -> Comparison:
    """Serve both ledgers and visit them in turn; `known` are transids to look up."""
    found = Comparison()
    with ExitStack() as stack:
        sides = {
            name: _side(stack, each, known.get(name), postgres_pid)
            for name, each in services.items()
        }
        for side in sides.values():
            side.taking.warm_up()
            side.looking.warm_up()
        for number in range(rounds):
            names = sorted(sides, reverse=bool(number % 2))
            measured = {name: sides[name].visit(seconds) for name in names}
            found.rounds.append(measured)
            click.echo(f"round {number + 1}/{rounds}{_shown(measured)}")
        for name, side in sides.items():
            found.refused[name] = side.taking.refused | side.looking.refused
            server, answered = side.taking.server, side.taking.answered
            found.accounts[name] = account(server.database_url, answered, tables=server.tables)
    return found


def _shown(measured: Mapping[str, Round]) -> str:
    return "".join(
        f"  {name} {each.ingest.requests_per_second:.0f}/s, look-up {each.look_up.p50_ms:.2f} ms"
        for name, each in measured.items()
    )


def _side(stack: ExitStack, each: Service, known: Known | None, postgres_pid: int) -> Side:
    server = stack.enter_context(service.serving(each))
    taking = Visitor(
        server, postgres_pid, CONNECTIONS, receipts.requests(each.hook_url, seed=each.port)
    )
    # The empty ledger knows what it has just been told.
    choose = known or partial(_one_of, taking.answered, random.Random(1))  # noqa: S311
    looking = Visitor(server, postgres_pid, 1, _look_ups(each, choose))
    connection = stack.enter_context(connect(each.database_url))
    return Side(taking, looking, connection, _facts(each))


def _one_of(answered: Sequence[str], chooser: random.Random) -> str:
    return chooser.choice(answered)


def _look_ups(each: Service, choose: Known) -> Requests:
    host = f"127.0.0.1:{each.port}"
    while True:
        transid = choose()
        request = (
            f"GET /api/v1/sends/{transid} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {each.api_key}\r\n\r\n"
        )
        yield transid, request.encode()


def _facts(each: Service) -> Iterator[Fact]:
    for _, request in receipts.requests(each.hook_url, seed=each.port + _OTHERS):
        raw = request.partition(b"\r\n\r\n")[2]
        (element,) = recognise(raw).elements
        assert isinstance(element.body, Receipt)
        yield stamp(element.body, domain="default", point_id=None, source=Source.HOOK, raw=raw)
