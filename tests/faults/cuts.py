"""Faults of the path to Postgres: cut in the middle of a word, or silent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.faults.line import Line, Moment
from tests.faults.stages import Scene

CUTS: Final = 6
NEXT_SECONDS: Final = 10.0  # a new connection and a batch


@contextmanager
def after_commit(scene: Scene) -> Iterator[None]:
    """Cut again and again when the server has committed and its answer is on the way."""
    _cut(scene.line, Moment.AFTER_COMMIT)
    yield


@contextmanager
def in_batch(scene: Scene) -> Iterator[None]:
    """Cut again and again when half of a batch is on the way."""
    _cut(scene.line, Moment.IN_BATCH)
    yield


@contextmanager
def silent(scene: Scene) -> Iterator[None]:
    """Swallow everything: no refusal tells the service that nobody is there."""
    assert scene.line is not None
    with scene.line.silent():
        yield


def _cut(line: Line | None, moment: Moment) -> None:
    assert line is not None
    for _ in range(CUTS):
        assert line.cut(moment, seconds=NEXT_SECONDS), f"{moment} didn't come"
        time.sleep(0.2)
