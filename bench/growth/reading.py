"""Questions to a full ledger and a small one, in turn; what polling costs, and what exports do."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import click

from bench import receipts, service
from bench.accounting import Account, account
from bench.figures import Spread
from bench.growth import beside, polled
from bench.growth.beside import HalfLoad
from bench.growth.histories import Histories
from bench.growth.polled import Polled
from bench.growth.questions import KINDS, Questions, json_of, requests
from bench.servers import Server
from bench.service import Service
from bench.visits import Figures, Visitor

#: Who asks waits for the answer: one connection, one question at a time.
VISIT_SECONDS: Final = 1.5
#: p95 in the full ledger over that in the small one, of each kind of question.
TARGET: Final = 1.5
LEDGERS: Final = ("full", "small")
#: Past the ports of other notifications.
_OTHERS: Final = 200_000

#: By the kind of question, then by the ledger.
Round = dict[str, dict[str, Figures]]


@dataclass
class Reads:
    """All that was found."""

    rounds: list[Round]
    half_load: HalfLoad
    pollers: Mapping[str, Polled]
    accounts: Mapping[str, Account]
    refused: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def p95_ms(self, kind: str, ledger: str) -> Spread:
        """Return how long one kind of question takes."""
        return Spread.of(each[kind][ledger].p95_ms for each in self.rounds)

    def ratio(self, kind: str) -> Spread:
        """Return p95 in the full ledger over that in the small one."""
        return _ratio(self.rounds, kind)


def read(
    services: Mapping[str, Service],
    histories: Mapping[str, Histories],
    *,
    postgres_pid: int,
    rounds: int,
    seconds: float,
) -> Reads:
    """Serve both ledgers and ask them in turn; then poll the full one, and load its hooks."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(service.serving(services[name])) for name in LEDGERS}
        questions = {
            name: Questions(histories[name], partial(json_of, services[name]), seed=1)
            for name in LEDGERS
        }
        askers = {
            name: _askers(services[name], questions[name], servers[name], postgres_pid)
            for name in LEDGERS
        }
        each, server = services["full"], servers["full"]
        posted = receipts.requests(server.hook_url, seed=each.port + _OTHERS)
        hooks = Visitor(server, postgres_pid, beside.CONNECTIONS, posted)
        found = Reads(
            rounds=_ask_in_turn(askers, rounds),
            # Postgres tidies up for a while behind what is written.
            pollers=polled.poll(each, server, questions["full"], postgres_pid=postgres_pid),
            half_load=beside.load(hooks, each, rounds=rounds, seconds=seconds),
            accounts={"full": account(server.database_url, hooks.answered, tables=server.tables)},
        )
    found.refused = {
        "hooks": hooks.refused,
        **_refused(askers),
        **{f"pollers of {name}": found_.refused for name, found_ in found.pollers.items()},
    }
    return found


def _askers(
    each: Service, questions: Questions, server: Server, postgres_pid: int
) -> Mapping[str, Visitor]:
    return {
        kind: Visitor(server, postgres_pid, 1, requests(each, questions.of(kind))) for kind in KINDS
    }


def _ask_in_turn(askers: Mapping[str, Mapping[str, Visitor]], rounds: int) -> list[Round]:
    for visitors in askers.values():
        for visitor in visitors.values():
            visitor.warm_up()
    found: list[Round] = []
    for number in range(rounds):
        names = sorted(askers, reverse=bool(number % 2))
        found.append({kind: _visit(askers, kind, names) for kind in KINDS})
        ratios = (f"  {kind} {_ratio(found[-1:], kind).median:.2f}" for kind in KINDS)
        click.echo(f"reads {number + 1}/{rounds}{''.join(ratios)}")
    return found


def _visit(
    askers: Mapping[str, Mapping[str, Visitor]], kind: str, names: list[str]
) -> dict[str, Figures]:
    return {name: askers[name][kind].closed(VISIT_SECONDS) for name in names}


def _ratio(rounds: list[Round], kind: str) -> Spread:
    full, small = ([each[kind][name].p95_ms for each in rounds] for name in LEDGERS)
    return Spread.of_ratios(full, small)


def _refused(askers: Mapping[str, Mapping[str, Visitor]]) -> Mapping[str, Mapping[int, int]]:
    return {
        f"{kind} of the {name} ledger": visitor.refused
        for name, visitors in askers.items()
        for kind, visitor in visitors.items()
    }
