"""Filling tables over several connections at once, each from a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Final

import psycopg
from psycopg import sql

from bench.growth.histories import Histories
from bench.growth.patterns import Pattern

_LINES_A_WRITE: Final = 500
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Job:
    """One table, or one partition, that is filled with the rows of some histories."""

    table: str
    numbers: range
    patterns: Sequence[Pattern]


@dataclass(frozen=True)
class Filler:
    """What every process needs; called with a job it does it."""

    url: str
    histories: Histories

    def __call__(self, job: Job) -> None:
        """Fill a table that is empty. Its rows are born frozen: no vacuum has to come by."""
        first, *_ = job.patterns
        columns = sql.SQL(", ").join(map(sql.Identifier, first.columns))
        table = sql.Identifier(job.table)
        copied = sql.SQL("COPY {} ({}) FROM STDIN (FREEZE)").format(table, columns)
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            cursor.execute(sql.SQL("TRUNCATE {}").format(table))  # FREEZE asks for it
            with cursor.copy(copied) as copy:
                for lines in self._lines(job):
                    copy.write("".join(lines))
                    with _counter.get_lock():
                        _counter.value += len(lines)

    def _lines(self, job: Job) -> Iterator[Sequence[str]]:
        wanted = frozenset().union(*(pattern.names for pattern in job.patterns))
        templates = [pattern.line for pattern in job.patterns]
        lines: list[str] = []
        for values in self.histories.of(job.numbers, wanted):
            lines += [template % values for template in templates]
            if len(lines) >= _LINES_A_WRITE:
                yield lines
                lines = []
        yield lines


#: Rows written so far, by all processes together.
_counter: "Synchronized[int]"


def _begin(counter: "Synchronized[int]") -> None:
    """Begin a process: it counts where the others do, and Ctrl-C is its parent's business."""
    global _counter  # noqa: PLW0603
    _counter = counter
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(filler: Filler, jobs: Sequence[Job], tell: Callable[[int], object]) -> None:
    """Do all jobs; `tell` hears now and then how many rows there are more."""
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    told = 0
    # While one waits for Postgres another makes rows.
    with context.Pool((os.cpu_count() or 1) + 1, _begin, (counter,)) as pool:
        doing = pool.map_async(filler, jobs, chunksize=1)
        while not doing.ready():
            doing.wait(_LOOK_SECONDS)
            tell(counter.value - told)
            told = counter.value
        doing.get()
