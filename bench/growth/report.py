"""What a run of the growth found, for people and for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.figures import Spread
from bench.growth import beside, polled, reading
from bench.growth.comparing import INGEST_TARGET, LOOK_UP_TARGET, Comparison
from bench.growth.plan import GIBIBYTE
from bench.growth.questions import KINDS
from bench.growth.reading import LEDGERS, Reads
from bench.growth.run import Growth
from bench.report import measured_at, quietness


def table(growth: Growth) -> str:
    """Return the figures as text."""
    minutes = sum(growth.steps.values()) / 60
    size = growth.disk_bytes / GIBIBYTE
    return "\n".join(
        [
            f"ledger: {growth.plan.deliveries:,} deliveries, {size:.1f} GiB, {minutes:.1f} minutes",
            f"checked against what the code writes: {growth.checked} histories, all alike",
            *(_reads(growth.reads) if growth.reads else ()),
            *(_writes(growth.writes) if growth.writes else ()),
        ]
    )


def _writes(found: Comparison) -> Iterator[str]:
    ingest, look_up = found.ingest, found.look_up
    yield f"ingest, full / empty: {ingest.shown(2)}, {_at_least(INGEST_TARGET, ingest.median)}"
    yield f"apply alone, full / empty: {found.applied.shown(2)}"
    yield f"look-up, full / empty: {look_up.shown(2)}, {_at_most(LOOK_UP_TARGET, look_up.median)}"
    yield f"look-up, median: {_look_ups(found)}"
    yield f"lost: {sum(each.lost for each in found.accounts.values())}"
    yield from quietness(each.ingest for measured in found.rounds for each in measured.values())


def _reads(found: Reads) -> Iterator[str]:
    for kind, title in KINDS.items():
        ratio = found.ratio(kind)
        full, small = (found.p95_ms(kind, ledger).median for ledger in LEDGERS)
        judged = _at_most(reading.TARGET, ratio.median)
        yield f"{title}, p95, full / small: {ratio.shown(2)}, {full:.1f} / {small:.1f} ms, {judged}"
    half = found.half_load
    export, alone = (half.p99_ms(side).median for side in beside.SIDES)
    yield (
        f"hooks at {half.rate:.0f}/s, p99, beside an export / alone: {half.ratio.shown(2)},"
        f" {export:.1f} / {alone:.1f} ms, {_at_most(beside.TARGET, half.ratio.median)}"
    )
    for name, each in found.pollers.items():
        yield (
            f"{polled.POLLERS} pollers of {name}: {each.cost:.1%} of a processor, beside"
            f" {each.idle:.1%} without them, {_at_most(polled.TARGETS[name], each.cost)}"
        )
    yield f"lost: {sum(each.lost for each in found.accounts.values())}"
    yield from quietness(
        figures
        for measured in found.rounds
        for ledgers in measured.values()
        for figures in ledgers.values()
    )


def _at_least(target: float, found: float) -> str:
    return f"target {target} {'met' if found >= target else 'MISSED'}"


def _at_most(target: float, found: float) -> str:
    return f"target {target} {'met' if found <= target else 'MISSED'}"


def _look_ups(found: Comparison) -> str:
    full, empty = (
        median(each[name].look_up.p50_ms for each in found.rounds) for name in ("full", "empty")
    )
    return f"{full:.2f} / {empty:.2f} ms"


def writes_as_json(growth: Growth, found: Comparison) -> dict[str, Any]:
    """Return what was found of writing, every round included."""
    return _ledger(growth) | {
        "full_over_empty": {
            "ingest": _judged(found.ingest, {"at_least": INGEST_TARGET}),
            "apply": asdict(found.applied),
            "look_up": _judged(found.look_up, {"at_most": LOOK_UP_TARGET}),
        },
        "accounts": {name: asdict(each) for name, each in found.accounts.items()},
        "rounds": [
            {name: asdict(each) for name, each in measured.items()} for measured in found.rounds
        ],
    }


def reads_as_json(growth: Growth, found: Reads) -> dict[str, Any]:
    """Return what was found of reading, every round included."""
    half = found.half_load
    return _ledger(growth) | {
        "full_over_small": {
            kind: _judged(found.ratio(kind), {"at_most": reading.TARGET})
            | {f"{name}_p95_ms": asdict(found.p95_ms(kind, name)) for name in LEDGERS}
            for kind in KINDS
        },
        "export_over_alone": _judged(half.ratio, {"at_most": beside.TARGET}),
        "half_load": asdict(half),
        "pollers": {
            name: asdict(each) | {"cost": each.cost, "at_most": polled.TARGETS[name]}
            for name, each in found.pollers.items()
        },
        "accounts": {name: asdict(each) for name, each in found.accounts.items()},
        "rounds": [
            {
                kind: {name: asdict(each) for name, each in ledgers.items()}
                for kind, ledgers in measured.items()
            }
            for measured in found.rounds
        ],
    }


def _ledger(growth: Growth) -> dict[str, Any]:
    return {
        "measured_at": measured_at(),
        "machine": growth.machine,
        "versions": growth.versions,
        "deliveries": growth.plan.deliveries,
        "receipts": 2 * growth.plan.deliveries,
        "days": len(growth.plan.days),
        "disk_bytes": growth.disk_bytes,
        "seconds": growth.steps,
        "checked": growth.checked,
    }


def _judged(spread: Spread, target: Mapping[str, float]) -> dict[str, Any]:
    return asdict(spread) | {"target": target}
