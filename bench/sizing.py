"""The tables of docs/capacity.md, made of what the benches left in bench/results."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- measured: make bench-capacity -->"
END: Final = "<!-- end -->"
#: Receipts a day, of which a fifth comes in the busiest hour.
DAYS: Final = (100_000, 1_000_000, 5_000_000, 20_000_000)
BUSIEST_HOUR: Final = 0.2
#: Of what is sustained, as much is used at the busiest time.
USED: Final = 0.5
KEPT_DAYS: Final = 400
LEAST_WORKERS: Final = 2
_HOUR_SECONDS: Final = 3600
_MICROSECONDS: Final = 1_000_000
_GIGABYTE: Final = 10**9


@dataclass(frozen=True)
class Measured:
    """What the benches found, each as it lies in its file."""

    capacity: Mapping[str, Any]
    sizes: Mapping[str, Any]
    drain: Mapping[str, Any]

    @classmethod
    def read(cls, results: Path) -> "Measured":
        """Read the files of the benches that take part."""
        return cls(*(json.loads((results / f"{name}.json").read_text()) for name in _FILES))

    def of(self, workers: int, figure: str) -> float:
        """Return the median of a figure for so many workers."""
        return float(self.capacity["workers"][str(workers)][figure]["median"])

    @property
    def ledger_bytes(self) -> float:
        """Return what a receipt brings with it in Postgres, its send and its delivery too."""
        grown = (each for each in self.sizes["tables"] if each["table"] != "past_families")
        return float(sum(each["total_bytes"] for each in grown) / self.sizes["receipts"])

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time of a receipt, that of Postgres included."""
        figures = ("server_cpu_us", "postgres_cpu_us")
        return sum(self.of(LEAST_WORKERS, figure) for figure in figures) / _MICROSECONDS

    def memory_mib(self, workers: int) -> float:
        """Return what so many workers hold, by what one more than one holds."""
        one, two = (self.of(number, "memory_mib") for number in (1, 2))
        return one + (workers - 1) * (two - one)


_FILES: Final = ("capacity", "sizes", "drain")


def section(found: Measured) -> str:
    """Return what stands on the page between the marks."""
    measured = _table(("", "1 worker", "2 workers"), _measured(found))
    heads = (
        "receipts a day",
        "busiest second",
        "workers",
        "processors, Postgres included",
        "memory of the service",
        f"ledger of {KEPT_DAYS} days",
        "log of Postgres a day",
        "spool, an hour without Postgres",
    )
    where, versions = found.capacity["machine"], found.capacity["versions"]
    said = (
        f"Measured on {where['processors']} processors ({where['processor']}), "
        f"Python {versions['python']}, Postgres {versions['postgres']}."
    )
    sizing = _table(heads, (_sizing(found, number) for number in DAYS))
    return "\n".join([BEGIN, said, "", *measured, "", *_each(found), "", *sizing, END])


def write(page: Path, found: Measured) -> None:
    """Put the tables in the place of those that are there."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(before + section(found) + rest.partition(END)[2])


def _measured(found: Measured) -> Iterator[Sequence[str]]:
    rows = (
        ("receipts a second, sustained", "requests_per_second", 0, ""),
        ("processor time of a receipt, the service", "server_cpu_us", 0, " µs"),
        ("processor time of a receipt, Postgres", "postgres_cpu_us", 0, " µs"),
        ("memory of the service", "memory_mib", 0, " MiB"),
        ("p99 of the answers at half of that", "half_load_p99_ms", 1, " ms"),
    )
    for title, figure, digits, unit in rows:
        yield title, *(f"{found.of(each, figure):,.{digits}f}{unit}" for each in (1, 2))
    yield (
        "connections to Postgres",
        *(str(found.capacity["workers"][each]["connections"]) for each in ("1", "2")),
    )


def _each(found: Measured) -> Iterator[str]:
    spool, log = (found.capacity[f"{name}_bytes_per_receipt"] for name in ("spool", "wal"))
    yield f"A receipt takes {found.ledger_bytes:,.0f} bytes in Postgres with its share of send and"
    yield f"delivery ([which tables](retention.md#how-much-room-it-takes)), {log:,.0f} bytes of the"
    yield f"server's log, and {spool:,.0f} bytes in the spool, from which"
    yield f"{found.drain['idle']['facts'] / found.drain['idle']['seconds']:,.0f} a second come in."
    yield f"Each further worker holds {found.memory_mib(2) - found.memory_mib(1):,.0f} MiB."


def _sizing(found: Measured, a_day: int) -> Sequence[str]:
    rate = a_day * BUSIEST_HOUR / _HOUR_SECONDS
    workers = max(LEAST_WORKERS, math.ceil(rate / USED / found.of(1, "requests_per_second")))
    spool, log = (found.capacity[f"{name}_bytes_per_receipt"] for name in ("spool", "wal"))
    return (
        f"{a_day:,}",
        f"{rate:,.0f}",
        str(workers),
        str(math.ceil(rate / USED * found.cpu_seconds)),
        f"{found.memory_mib(workers):,.0f} MiB",
        _room(a_day * KEPT_DAYS * found.ledger_bytes),
        _room(a_day * log),
        _room(rate * _HOUR_SECONDS * spool),
    )


def _room(size: float) -> str:
    gigabytes = size / _GIGABYTE
    digits = 0 if gigabytes >= 10 else 1 if gigabytes >= 1 else 2  # noqa: PLR2004
    return f"{gigabytes:,.{digits}f} GB"


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
