"""The commands of the bench: `python -m bench ingest`, `capacity`, `growth`, `drain`..."""

import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from bench import capacity, drain, ingest, plot, report, sizes, sizing, storm
from bench.accounting import faults
from bench.contenders import CONTENDERS
from bench.growth import report as growth_report
from bench.growth import run as growth
from bench.growth.check import UnlikeError
from bench.growth.plan import MILLION, Plan
from bench.growth.run import NoRoomError
from bench.load import NobodyAnswersError
from bench.programs import ROOT, ProgramError
from receiver.domain.errors import ReceiverError
from receiver.signals import heeded

RESULTS: Final = ROOT / "bench" / "results"


@click.group()
def commands() -> None:
    """Measure Receiver; everything that is needed is set up, on loopback, and removed again."""


@commands.command("ingest")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5.0, show_default=True, help="Of each visit.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
@click.option("--only", default="", help="Contenders, with commas; then nothing is written.")
def ingest_(rounds: int, seconds: float, connections: int, workers: int, only: str) -> None:
    """Take notifications, beside a view that only answers and beside the usual way."""
    options = ingest.Options(
        rounds=rounds, seconds=seconds, connections=connections, workers=workers
    )
    chosen = [each for each in CONTENDERS if not only or each.name in only.split(",")]
    if not chosen:
        raise click.BadParameter(f"choose of {', '.join(each.name for each in CONTENDERS)}")
    outcome = ingest.measure(chosen, options)
    click.echo(report.table(outcome))
    if outcome.faults:
        sys.exit("bench: " + "; ".join(outcome.faults))
    if not only:
        report.write(RESULTS / "bench.json", report.as_json(outcome))
        (ROOT / "docs" / "performance.svg").write_text(plot.picture(outcome))


@commands.command("growth")
@click.option("--scale", default=1.0, show_default=True, help="Millions of deliveries.")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=4.0, show_default=True, help="Of each visit with notifications.")
@click.option("--only", type=click.Choice([*growth.PARTS]), help="Measure only this.")
def growth_(scale: float, rounds: int, seconds: float, only: str | None) -> None:
    """Read and write in a ledger of millions, beside a small one and beside an empty one."""
    plan = Plan(int(scale * MILLION), datetime.now(UTC).date())
    growth.announce(plan)
    parts = [only] if only else [*growth.PARTS]
    found = growth.run(plan, parts=parts, rounds=rounds, seconds=seconds)
    click.echo(growth_report.table(found))
    measured = (found.reads, found.writes)
    if wrong := [each for part in measured if part for each in faults(part.accounts, part.refused)]:
        sys.exit("bench: " + "; ".join(wrong))
    if found.reads:
        name, kept = f"reads-{scale:g}.json", growth_report.reads_as_json(found, found.reads)
        report.write(RESULTS / name, kept)
    if found.writes:
        name, kept = f"growth-{scale:g}.json", growth_report.writes_as_json(found, found.writes)
        report.write(RESULTS / name, kept)


@commands.command("drain")
@click.option("--facts", default=60_000, show_default=True, type=click.IntRange(1000))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
def drain_(facts: int, workers: int) -> None:
    """Bring a full spool in, idle and beside live traffic."""
    outcome = drain.measure(facts=facts, workers=workers)
    click.echo(outcome.shown())
    if outcome.lost:
        sys.exit(f"bench: lost {outcome.lost}")
    report.write(RESULTS / "drain.json", {"measured_at": report.measured_at()} | outcome.as_json())


@commands.command("storm")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5.0, show_default=True, help="Of each visit.")
@click.option("--others", default=999, show_default=True, help="Points besides the one.")
@click.option("--rate", default=200.0, show_default=True, help="Of the others, a second.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 16))
def storm_(**options: Any) -> None:
    """Take notifications of a thousand points, without and with a storm on one of them."""
    outcome = storm.measure(storm.Options(**options))
    click.echo(outcome.shown())
    if outcome.faults:
        sys.exit("bench: " + "; ".join(outcome.faults))
    report.write(RESULTS / "storm.json", {"measured_at": report.measured_at()} | outcome.as_json())


@commands.command("sizes")
@click.option("--sends", default=50_000, show_default=True, type=click.IntRange(2000))
def sizes_(sends: int) -> None:
    """Measure how large the tables become, and how fast what is past its time goes."""
    outcome = sizes.measure(sends=sends)
    click.echo(outcome.shown())
    report.write(RESULTS / "sizes.json", {"measured_at": report.measured_at()} | outcome.as_json())


@commands.command("capacity")
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=4.0, show_default=True, help="Of each visit.")
@click.option("--spooled", default=20_000, show_default=True, type=click.IntRange(100))
@click.option("--keep/--try", default=True, help="Whether the results and the page are written.")
def capacity_(*, keep: bool, **options: Any) -> None:
    """Measure what workers take and what a receipt costs, for the page of that name."""
    outcome = capacity.measure(capacity.Options(**options))
    click.echo(outcome.shown())
    if outcome.faults:
        sys.exit("bench: " + "; ".join(outcome.faults))
    if keep:
        found = {"measured_at": report.measured_at()} | outcome.as_json()
        report.write(RESULTS / "capacity.json", found)
        sizing.write(ROOT / "docs" / "capacity.md", sizing.Measured.read(RESULTS))


def main() -> None:
    """Run the command that was asked for; a fault of its surroundings is one sentence."""
    try:
        with heeded(task=True):
            commands(prog_name="bench")
    except (ProgramError, NobodyAnswersError, NoRoomError, UnlikeError, ReceiverError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()
