"""What a machine needs: what one and two workers take, and what a notification costs.

Both services are up together and are visited in turn, as in all benches. The load shares the
processors with them, so that a machine of its own for the service takes more than is said here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import click
import psycopg

from bench import machine, postgres, receipts, service
from bench.accounting import Account, account, faults
from bench.drain import filled
from bench.figures import Spread
from bench.postgres import Postgres
from bench.report import quietness
from bench.rooms import Room
from bench.visits import Figures, Visitor

WORKERS: Final = (1, 2)
CONNECTIONS: Final = 64
_FIGURES: Final = ("requests_per_second", "server_cpu_us", "postgres_cpu_us", "memory_mib")
_OPEN: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = %s AND backend_type = 'client backend'"  # a vacuum's is none of ours
)
_WRITTEN: Final = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    spooled: int


@dataclass
class Size:
    """One number of workers: each visit, with all that it has and with half of it."""

    visitor: Visitor
    full: list[Figures] = field(default_factory=list)
    half: list[Figures] = field(default_factory=list)
    connections: int = 0
    """To Postgres, the most that were open after a visit."""

    def spread(self, figure: str) -> Spread:
        """Return a figure over the visits with all that it has."""
        return Spread.of(getattr(found, figure) for found in self.full)

    @property
    def half_p99_ms(self) -> Spread:
        """Return the 99th percentile at half of what is sustained."""
        return Spread.of(found.p99_ms for found in self.half)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {figure: asdict(self.spread(figure)) for figure in _FIGURES} | {
            "half_load_p99_ms": asdict(self.half_p99_ms),
            "connections": self.connections,
        }


@dataclass
class Outcome:
    """All that a run found."""

    options: Options
    versions: Mapping[str, str]
    sizes: Mapping[int, Size]
    accounts: Mapping[str, Account]
    wal_bytes: float
    """Of the server's log for each receipt."""
    spool_bytes: float
    """Of the spool for each receipt."""

    @property
    def faults(self) -> Sequence[str]:
        """What must not be, in sentences."""
        refused = {str(number): size.visitor.refused for number, size in self.sizes.items()}
        return faults(self.accounts, refused)

    def shown(self) -> str:
        """Return all of it in sentences."""
        lines = [
            f"{number} workers: {size.spread('requests_per_second').shown(0)}/s,"
            f" {size.spread('server_cpu_us').median:.0f} + "
            f"{size.spread('postgres_cpu_us').median:.0f} us,"
            f" {size.spread('memory_mib').most:.0f} MiB, {size.connections} connections,"
            f" p99 at half load {size.half_p99_ms.shown(1)} ms"
            for number, size in self.sizes.items()
        ]
        per = f"log {self.wal_bytes:.0f}, spool {self.spool_bytes:.0f} bytes a receipt"
        noise = quietness(found for size in self.sizes.values() for found in size.full)
        return "\n".join([*lines, per, *noise])

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "machine": machine.machine(),
            "versions": self.versions,
            "options": asdict(self.options),
            "workers": {str(number): size.as_json() for number, size in self.sizes.items()},
            "wal_bytes_per_receipt": self.wal_bytes,
            "spool_bytes_per_receipt": self.spool_bytes,
            "accounts": {name: asdict(found) for name, found in self.accounts.items()},
        }


def measure(options: Options) -> Outcome:
    """Set a service of each size up, visit them in turn, and account for every notification."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running())
        spool_bytes = _spool_bytes(server, options.spooled)
        sizes = {number: _size(stack, server, number) for number in WORKERS}
        before = _asked(server.url, _WRITTEN)
        for number in range(options.rounds):
            click.echo(f"round {number + 1}/{options.rounds}")
            _round(sizes, options.seconds, turned=number % 2 > 0)
        written = _asked(server.url, _WRITTEN) - before
        return Outcome(
            options=options,
            versions=machine.versions(server.url),
            sizes=sizes,
            accounts=dict(_accounts(sizes)),
            wal_bytes=written / sum(found.requests for found in _visits(sizes)),
            spool_bytes=spool_bytes,
        )


def _size(stack: ExitStack, server: Postgres, workers: int) -> Size:
    room = Room(name=f"of_{workers}", postgres=server, workers=workers)
    up = stack.enter_context(service.serving(service.prepare(room)))
    requests = receipts.requests(up.hook_url, seed=workers)
    visitor = Visitor(up, server.pid, CONNECTIONS, requests)
    visitor.warm_up()
    return Size(visitor)


def _round(sizes: Mapping[int, Size], seconds: float, *, turned: bool) -> None:
    """Visit each with all that it takes, then with half of that; none always comes first."""
    for size in sorted(sizes.values(), key=lambda each: each.visitor.server.pid, reverse=turned):
        size.full.append(size.visitor.closed(seconds))
        rate = size.spread("requests_per_second").median / 2
        size.half.append(size.visitor.open(seconds, rate=rate))
        url = size.visitor.server.database_url
        database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        open_now = _asked(url, _OPEN, database) - 1  # this one is ours
        size.connections = max(size.connections, open_now)


def _visits(sizes: Mapping[int, Size]) -> Iterator[Figures]:
    return (found for size in sizes.values() for found in (*size.full, *size.half))


def _accounts(sizes: Mapping[int, Size]) -> Iterator[tuple[str, Account]]:
    for number, size in sizes.items():
        up = size.visitor.server
        yield str(number), account(up.database_url, size.visitor.answered, tables=up.tables)


def _spool_bytes(server: Postgres, facts: int) -> float:
    """Return the bytes that a receipt takes in a spool."""
    folder = filled(server.folder, "spool", facts, seed=0)
    return sum(segment.stat().st_size for segment in folder.iterdir()) / facts


def _asked(url: str, question: str, *parameters: Any) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode(), parameters or None).fetchone()
    assert row
    return int(row[0])
