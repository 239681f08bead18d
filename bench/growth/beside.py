"""Hooks at half of what they sustain: alone, and beside somebody who exports all there is."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import click

from bench.figures import Spread
from bench.growth.questions import answer
from bench.service import Service
from bench.visits import Figures, Visitor

#: p99 of the hooks beside an export over that without one.
TARGET: Final = 2.0
CONNECTIONS: Final = 64
_RATE_VISITS: Final = 3
_EXPORTED: Final = "/api/v1/deliveries"
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One round: hooks alone, and beside an export."""

    alone: Figures
    export: Figures
    exported_bytes_per_second: float


@dataclass(frozen=True, kw_only=True)
class HalfLoad:
    """All rounds, at so many notifications a second."""

    rate: float
    rounds: Sequence[Beside]

    @property
    def ratio(self) -> Spread:
        """Return p99 of hooks beside an export over that without one."""
        export, alone = ([getattr(e, name).p99_ms for e in self.rounds] for name in SIDES)
        return Spread.of_ratios(export, alone)

    def p99_ms(self, side: str) -> Spread:
        """Return how long notifications take."""
        return Spread.of(getattr(each, side).p99_ms for each in self.rounds)


SIDES: Final = ("export", "alone")


def load(hooks: Visitor, each: Service, *, rounds: int, seconds: float) -> HalfLoad:
    """Visit the hooks in turn without and with an export."""
    hooks.warm_up()
    rates = (hooks.closed(seconds).requests_per_second for _ in range(_RATE_VISITS))
    rate = Spread.of(rates).median / 2
    found = []
    for number in range(rounds):
        found.append(_round(hooks, each, rate, seconds))
        click.echo(
            f"hooks {number + 1}/{rounds}  p99 {found[-1].alone.p99_ms:.1f} ms,"
            f" beside an export {found[-1].export.p99_ms:.1f} ms"
        )
    return HalfLoad(rate=rate, rounds=found)


def _round(hooks: Visitor, each: Service, rate: float, seconds: float) -> Beside:
    alone = hooks.open(seconds, rate=rate)
    with _exporting(each) as sizes:
        began = time.monotonic()
        export = hooks.open(seconds, rate=rate)
        exported = sum(sizes) / (time.monotonic() - began)
    return Beside(alone=alone, export=export, exported_bytes_per_second=exported)


@contextmanager
def _exporting(each: Service) -> Iterator[Sequence[int]]:
    """Read all deliveries as CSV, again and again, while the context lasts; yield the sizes."""
    sizes: list[int] = []
    over = threading.Event()
    thread = threading.Thread(target=_export, args=(each, sizes, over))
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


def _export(each: Service, sizes: list[int], over: threading.Event) -> None:
    while not over.is_set():
        with answer(each, _EXPORTED, Accept="text/csv") as export, suppress(OSError):
            while not over.is_set() and (part := export.read1(_READ_BYTES)):
                sizes.append(len(part))
