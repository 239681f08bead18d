"""What a run found, for people and for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.figures import Spread
from bench.ingest import OURS, Outcome
from bench.visits import Figures

#: Processors that others may keep busy, on average, where figures are to be trusted.
_QUIET: Final = 0.2


def table(outcome: Outcome) -> str:
    """Return the servers, the ratios, the half load and the account as text."""
    parts = [
        _servers(outcome),
        "",
        *_ratios(outcome),
        *_half_load(outcome),
        *_accounts(outcome),
        *quietness(found for each in outcome.rounds for found in each.values()),
    ]
    return "\n".join(parts)


def _servers(outcome: Outcome) -> str:
    head = ["", "requests/s", "p50 ms", "p99 ms", "CPU us", "Postgres us", "load us", "MiB"]
    rows = [
        [
            each.title,
            outcome.spread(each.name, "requests_per_second").shown(0),
            *(
                f"{outcome.spread(each.name, figure).median:.0f}"
                for figure in (
                    "p50_ms",
                    "p99_ms",
                    "server_cpu_us",
                    "postgres_cpu_us",
                    "load_cpu_us",
                )
            ),
            f"{outcome.spread(each.name, 'memory_mib').most:.0f}",
        ]
        for each in outcome.contenders
    ]
    return _aligned([head, *rows])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _ratios(outcome: Outcome) -> Iterator[str]:
    titles = {each.name: each.title for each in outcome.contenders}
    if OURS in titles:
        for name, ratio in outcome.ratios().items():
            yield f"{titles[OURS]} / {titles[name]}: {ratio.shown(2)}"


def quietness(visits: Iterable[Figures]) -> Iterator[str]:
    """Say where other programs took part: who has fewer threads then gets less than its share."""
    others = median(found.others for found in visits)
    if others > _QUIET:
        yield f"NOT QUIET: other programs kept {others:.1f} processors busy; do it again"


def _half_load(outcome: Outcome) -> Iterator[str]:
    if outcome.half_load:
        p99 = Spread.of(found.p99_ms for found in outcome.half_load)
        yield f"p99 at half of that rate ({outcome.half_rate:.0f}/s): {p99.shown(1)} ms"


def _accounts(outcome: Outcome) -> Iterator[str]:
    for name, found in outcome.accounts.items():
        yield f"{name}: answered 200: {found.answered}, lost: {found.lost}, twice: {found.doubled}"
    lost = sum(found.lost for found in outcome.accounts.values())
    yield f"lost: {lost}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return everything, every round included."""
    return {
        "measured_at": measured_at(),
        "machine": outcome.machine,
        "versions": outcome.versions,
        "options": asdict(outcome.options),
        "servers": {
            each.name: {"title": each.title}
            | {
                figure: asdict(outcome.spread(each.name, figure))
                for figure in asdict(outcome.rounds[0][each.name])
            }
            for each in outcome.contenders
        },
        "ratios": {f"{OURS}/{name}": asdict(ratio) for name, ratio in outcome.ratios().items()},
        "half_load": {
            "rate": outcome.half_rate,
            "p99_ms": asdict(Spread.of(found.p99_ms for found in outcome.half_load)),
            "visits": [asdict(found) for found in outcome.half_load],
        },
        "accounts": {name: asdict(found) for name, found in outcome.accounts.items()},
        "rounds": [
            {name: asdict(found) for name, found in each.items()} for each in outcome.rounds
        ],
    }


def measured_at() -> str:
    """Return now, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write(path: Path, found: dict[str, Any]) -> None:
    """Keep it, numbers with four digits that count."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(_rounded(found), indent=1) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value
