"""What a run of the growth found, for people and for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.figures import Spread
from bench.growth.comparing import INGEST_TARGET, LOOK_UP_TARGET
from bench.growth.plan import GIBIBYTE
from bench.growth.run import Growth
from bench.report import measured_at, quietness


def table(growth: Growth) -> str:
    """Return the figures as text."""
    found = growth.comparison
    ingest, look_up = found.ingest, found.look_up
    taken = _target(INGEST_TARGET, met=ingest.median >= INGEST_TARGET)
    looked_up = _target(LOOK_UP_TARGET, met=look_up.median <= LOOK_UP_TARGET)
    lost = sum(each.lost for each in found.accounts.values())
    minutes = sum(growth.steps.values()) / 60
    size = growth.disk_bytes / GIBIBYTE
    return "\n".join(
        [
            f"ledger: {growth.plan.deliveries:,} deliveries, {size:.1f} GiB, {minutes:.1f} minutes",
            f"checked against what the code writes: {growth.checked} histories, all alike",
            f"ingest, full / empty: {ingest.shown(2)}, {taken}",
            f"apply alone, full / empty: {found.applied.shown(2)}",
            f"look-up, full / empty: {look_up.shown(2)}, {looked_up}",
            f"look-up, median: {_look_ups(growth)}",
            f"lost: {lost}",
            *quietness(each.ingest for measured in found.rounds for each in measured.values()),
        ]
    )


def _target(target: float, *, met: bool) -> str:
    return f"target {target} {'met' if met else 'MISSED'}"


def _look_ups(growth: Growth) -> str:
    full, empty = (
        median(each[name].look_up.p50_ms for each in growth.comparison.rounds)
        for name in ("full", "empty")
    )
    return f"{full:.2f} / {empty:.2f} ms"


def as_json(growth: Growth) -> dict[str, Any]:
    """Return everything, every round included."""
    found = growth.comparison
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


def _judged(spread: Spread, target: Mapping[str, float]) -> dict[str, Any]:
    return asdict(spread) | {"target": target}
