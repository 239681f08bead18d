"""From an empty disk to the figures."""

import random
from dataclasses import dataclass, field
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
from bench.rooms import Room

WORKERS: Final = 2


class NoRoomError(Exception):
    """The disk hasn't what the plan needs."""


@dataclass(kw_only=True)
class Growth:
    """All that a run found."""

    plan: Plan
    versions: dict[str, str]
    steps: Steps
    disk_bytes: int
    checked: int
    comparison: Comparison
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


def run(plan: Plan, *, rounds: int, seconds: float) -> Growth:
    """Fill a ledger, check it, and compare it with an empty one."""
    with postgres.running() as server:
        click.echo("Setting up two ledgers...")
        services = {
            name: service.prepare(Room(name=name, postgres=server, workers=WORKERS))
            for name in ("full", "empty")
        }
        full = services["full"].database_url
        histories = Histories(plan, _point_id(full))
        steps = fill(full, histories)
        disk_bytes = _size_bytes(full)
        click.echo("Comparing a sample with what the code itself writes...")
        checked = check(full, histories)
        known = partial(_any_transid, plan, random.Random(1))  # noqa: S311
        comparison = compare(
            services, {"full": known}, postgres_pid=server.pid, rounds=rounds, seconds=seconds
        )
        return Growth(
            plan=plan,
            versions=machine.versions(server.url),
            steps=steps,
            disk_bytes=disk_bytes,
            checked=checked,
            comparison=comparison,
        )


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
