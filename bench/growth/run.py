"""From an empty disk to the figures."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import click
import psycopg

from bench import machine, postgres, service
from bench.growth.check import check
from bench.growth.comparing import Comparison, compare
from bench.growth.filling import Steps, fill
from bench.growth.histories import Histories, transid_of
from bench.growth.plan import GIBIBYTE, Plan, free_bytes
from bench.growth.reading import Reads, read
from bench.postgres import Postgres
from bench.rooms import Room
from bench.service import Service

WORKERS: Final = 2
#: What is measured, and the ledger that the full one is compared with for it.
PARTS: Final = {"reads": "small", "writes": "empty"}
#: SCALE 0.01.
SMALL_DELIVERIES: Final = 10_000


class NoRoomError(Exception):
    """The disk hasn't what the plan needs."""


@dataclass(kw_only=True)
class Growth:
    """All that a run found, as far as it was asked for."""

    plan: Plan
    versions: dict[str, str]
    steps: Steps
    disk_bytes: int
    checked: int
    reads: Reads | None = None
    writes: Comparison | None = None
    machine: dict[str, str | int | float] = field(default_factory=machine.machine)


def announce(plan: Plan) -> None:
    """Say what the plan takes. Raises NoRoomError."""
    folder = Path(gettempdir())
    free = free_bytes(folder)
    click.echo(
        f"{plan.deliveries:,} deliveries and {2 * plan.deliveries:,} receipts over"
        f" {len(plan.days)} days: needs {plan.disk_bytes / GIBIBYTE:.0f} GiB under {folder}"
        f" ({free / GIBIBYTE:.0f} are free) and about {plan.minutes:.0f} minutes"
    )
    if free < plan.disk_bytes:
        raise NoRoomError("the disk has too little room: name a folder on another one as TMPDIR")


def run(plan: Plan, *, parts: Collection[str], rounds: int, seconds: float) -> Growth:
    """Fill a ledger, check it, and compare it with a small one and an empty one."""
    with postgres.running() as server:
        click.echo("Setting up the ledgers...")
        ledgers = ["full", *(PARTS[part] for part in parts)]
        services = {name: _prepared(name, server) for name in ledgers}
        histories = {"full": _histories(services["full"], plan)}
        full = services["full"].database_url
        steps = fill(full, histories["full"])
        growth = Growth(
            plan=plan,
            versions=machine.versions(server.url),
            steps=steps,
            disk_bytes=_size_bytes(full),
            checked=_checked(full, histories["full"]),
        )
        # What is read must not have grown by what is written, nor have counts that wait.
        if "reads" in parts:
            histories["small"] = _histories(services["small"], _small(plan))
            fill(services["small"].database_url, histories["small"])
            growth.reads = read(
                services, histories, postgres_pid=server.pid, rounds=rounds, seconds=seconds
            )
        if "writes" in parts:
            known = partial(_any_transid, plan, random.Random(1))  # noqa: S311
            growth.writes = compare(
                {name: services[name] for name in ("full", PARTS["writes"])},
                {"full": known},
                postgres_pid=server.pid,
                rounds=rounds,
                seconds=seconds,
            )
        return growth


def _prepared(name: str, server: Postgres) -> Service:
    return service.prepare(Room(name=name, postgres=server, workers=WORKERS))


def _histories(each: Service, plan: Plan) -> Histories:
    return Histories(plan, _point_id(each.database_url))


def _small(plan: Plan) -> Plan:
    return replace(plan, deliveries=SMALL_DELIVERIES)


def _checked(url: str, histories: Histories) -> int:
    click.echo("Comparing a sample with what the code itself writes...")
    return check(url, histories)


def _any_transid(plan: Plan, chooser: random.Random) -> str:
    return transid_of(chooser.randrange(plan.deliveries))


def _point_id(url: str) -> Any:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT id FROM integration_points").fetchone()
        assert found
        return found[0]


def _size_bytes(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert found
        size: int = found[0]
        return size
