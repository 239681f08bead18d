"""How fast the spool is brought in: with nothing else to do, and beside live traffic."""

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import psycopg

from bench import postgres, receipts, service
from bench.rooms import Room
from bench.visits import Figures, Visitor
from receiver.domain.facts import Fact, Source, stamp
from receiver.inbox.spool import Gauge, Spool
from receiver.platform.recognise import recognise
from receiver.sealing import Sealer

#: Of a record, as a worker that serves some traffic writes them.
FACTS_TOGETHER: Final = 16
SPOOL_BYTES: Final = 1024 * 1024 * 1024
LOOK_SECONDS: Final = 0.05
CONNECTIONS: Final = 64
LIVE_VISITS: Final = 3
LIVE_SECONDS: Final = 4.0
#: Beside the drain there is live traffic for so long: to its end, and not far beyond it.
BESIDE_SECONDS: Final = 5.0
#: Beside live traffic it is measured so often, and so much shorter: a disk that stands still for
#: a quarter of a second, as ours does once in a while without any drain, would decide alone.
BESIDE_TIMES: Final = 9
BESIDE_SHARE: Final = 3
#: With nothing else to do it is fast: only many facts take longer than their discovery.
IDLE_TIMES: Final = 4
MOST_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Drained:
    """How fast facts were brought in; `beside` is what live traffic got meanwhile."""

    facts: int
    seconds: float
    beside: Figures | None = None

    @property
    def rate(self) -> float:
        """Return facts a second."""
        return self.facts / self.seconds


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured; rates are per second."""

    live_rate: float
    lost: int
    idle: Drained
    beside_half: Drained
    """The middle one, by p99 of the live answers."""
    beside_p99_ms: list[float]

    def as_json(self) -> dict[str, Any]:
        """Return all of it, with the ratios."""
        return asdict(self) | {
            "idle/live": self.idle.rate / self.live_rate,
            "beside_half/live": self.beside_half.rate / self.live_rate,
        }

    def shown(self) -> str:
        """Return all of it in sentences."""
        beside = self.beside_half.beside
        assert beside
        idle = self.idle.rate
        return (
            f"live ingest: {self.live_rate:.0f}/s\n"
            f"draining, idle: {idle:.0f}/s, {idle / self.live_rate:.1f} x live\n"
            f"draining beside {beside.requests_per_second:.0f}/s of live traffic:"
            f" {self.beside_half.rate:.0f}/s; p99 of the live answers: {beside.p99_ms:.0f}"
            f" [{self.beside_p99_ms[0]:.0f}-{self.beside_p99_ms[-1]:.0f}] ms\n"
            f"lost: {self.lost}"
        )


def measure(*, facts: int, workers: int) -> Outcome:
    """Measure what is served live, then give it a full spool, idle and at half of that load."""
    with postgres.running() as server:
        room = Room(name="drain", postgres=server, workers=workers)
        prepared = service.prepare(room)
        var = server.folder / room.name
        sizes = (IDLE_TIMES * facts, *(facts // BESIDE_SHARE,) * BESIDE_TIMES)
        click.echo(f"Filling spools with {', '.join(map(str, sizes))} receipts...")
        lots = [filled(var, f"lot-{seed}", size, seed=seed) for seed, size in enumerate(sizes)]
        with service.serving(prepared) as up:
            requests = receipts.requests(up.hook_url, seed=7)
            visitor = Visitor(up, server.pid, CONNECTIONS, requests)
            visitor.warm_up()
            rates = sorted(
                visitor.closed(LIVE_SECONDS).requests_per_second for _ in range(LIVE_VISITS)
            )
            live_rate = rates[LIVE_VISITS // 2]
            idle = _drained(var, lots[0], sizes[0])
            beside = [
                _drained(var, lot, size, visitor=visitor, rate=live_rate / 2)
                for lot, size in zip(lots[1:], sizes[1:], strict=True)
            ]
        beside.sort(key=_p99_ms)
        lost = len(visitor.answered) + sum(sizes) - _stored(prepared.database_url)
    return Outcome(
        live_rate=live_rate,
        lost=lost,
        idle=idle,
        beside_half=beside[BESIDE_TIMES // 2],
        beside_p99_ms=[_p99_ms(each) for each in beside],
    )


def _p99_ms(drained: Drained) -> float:
    assert drained.beside
    return drained.beside.p99_ms


def filled(var: Path, name: str, facts: int, *, seed: int) -> Path:
    """Return a folder beside the spool with as many spooled facts."""
    folder = var / name
    spool = Spool(folder, Sealer.of((), var), max_bytes=SPOOL_BYTES)
    source = islice(_facts(seed), facts)
    while together := list(islice(source, FACTS_TOGETHER)):
        spool.put(together)
    spool.close()
    return folder


def _facts(seed: int) -> Iterator[Fact]:
    for _, request in receipts.requests("http://127.0.0.1/", seed=1000 + seed):
        raw = request.partition(b"\r\n\r\n")[2]
        body = recognise(raw).elements[0].body
        assert not isinstance(body, Exception)
        yield stamp(body, domain="default", point_id=None, source=Source.HOOK, raw=raw)


def _drained(
    var: Path, lot: Path, facts: int, *, visitor: Visitor | None = None, rate: float = 0
) -> Drained:
    """Put a lot into the spool that is served, and wait until nothing of it is left."""
    began, took = time.monotonic(), []
    waits = threading.Thread(target=lambda: took.append(_emptied(var / "spool", began)))
    for segment in sorted(lot.iterdir()):
        segment.rename(var / "spool" / segment.name)
    waits.start()
    beside = visitor.open(BESIDE_SECONDS, rate=rate) if visitor else None
    waits.join()
    return Drained(facts=facts, seconds=took[0], beside=beside)


def _emptied(spool: Path, began: float) -> float:
    """Return after how many seconds nothing was left."""
    gauge = Gauge(spool, look_seconds=0)
    while gauge.read().facts:
        if time.monotonic() - began > MOST_SECONDS:
            raise TimeoutError(f"{spool} isn't empty after {MOST_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def _stored(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(DISTINCT transid) FROM receipts").fetchone()
    assert row
    return int(row[0])
