"""What a fault is: how it is brought about and ended, how long it lasts, what it asks for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from tests.faults import stages
from tests.faults.stages import Scene, Stage

STEADY: Final = 300.0
#: More than two workers can answer: every sender always waits for one.
STORM: Final = 5000.0


def nothing() -> str:
    """Say that nothing is missing."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of the table.

    `act` brings it about, and ends it with its context. `missing` says why it can't be brought
    about here. `refuses` where 503 is a good answer; `breaks_off` where none is, as the service
    itself is hit; `spools` where facts must go to disk. `rate` is what is sent a second: more than
    can be answered where something must be in flight at any moment.
    """

    name: str
    title: str
    act: Callable[[Scene], AbstractContextManager[None]]
    short_seconds: float
    long_seconds: float
    stage: Stage = stages.plain
    missing: Callable[[], str] = nothing
    refuses: bool = False
    breaks_off: bool = False
    spools: bool = False
    padding_bytes: int = 0
    rate: float = STEADY
