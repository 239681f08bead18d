"""Child processes that are started again when they die, and stopped together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from receiver import leash
from receiver.domain.errors import SetupError
from receiver.signals import Signals

LOOK_SECONDS: Final = 0.1
#: A child that lived this long was well: its next death is a new story.
WELL_SECONDS: Final = 10.0
FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 30.0
#: So many deaths in a row before it was ever well are a fault of the set-up.
HOPELESS_DEATHS: Final = 3
#: gunicorn gives its requests 10 s.
STOP_SECONDS: Final = 11.0

logger = structlog.get_logger()


@dataclass
class Child:
    """One program that should always run, in a process group of its own."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0  # on the monotonic clock, as is next_at
    next_at: float = 0.0
    deaths: int = 0
    was_well: bool = False

    def start(self) -> None:
        """Start the program, on a leash."""
        line = [sys.executable, "-I", leash.__file__, str(os.getpid()), *self.command]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            line, env=dict(self.environment), cwd=self.folder, start_new_session=True
        )

    def alive(self) -> bool:
        """Say whether the program runs."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the program, or to all that it has started too."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)

    def buried(self) -> None:
        """Take note of a death: when to start again, and whether there is any hope.

        Raises:
            SetupError: it died at once, again and again, and was never well.

        """
        code = self.process.returncode if self.process else None
        self.send(signal.SIGTERM, group=True)
        lived = time.monotonic() - self.started_at
        self.was_well = self.was_well or lived >= WELL_SECONDS
        self.deaths = 1 if lived >= WELL_SECONDS else self.deaths + 1
        self.process = None
        if not self.was_well and self.deaths >= HOPELESS_DEATHS:
            raise SetupError(
                f"{self.name} doesn't start (exit code {code}): its last lines say why"
            )
        wait = min(FIRST_BACKOFF_SECONDS * 2 ** (self.deaths - 1), LONGEST_BACKOFF_SECONDS)
        self.next_at = time.monotonic() + wait
        logger.warning("child_died", child=self.name, code=code, again_in_seconds=wait)


def supervise(
    children: Sequence[Child],
    signals: Signals,
    *,
    each_look: Callable[[], object] = lambda: None,
) -> None:
    """Keep all of `children` running until a signal ends it; a wish to reload is passed on.

    Raises:
        SetupError: one of them can't be started.

    """
    reloads = signals.reloads
    try:
        while True:
            for child in children:
                _look_after(child)
            if signals.reloads != reloads:
                reloads = signals.reloads
                for child in children:
                    child.send(signal.SIGHUP)
            each_look()
            time.sleep(LOOK_SECONDS)
    finally:
        _stop(children, signals)


def _look_after(child: Child) -> None:
    if child.alive():
        return
    if child.process is not None:
        child.buried()
    if time.monotonic() >= child.next_at:
        child.start()


def _stop(children: Sequence[Child], signals: Signals) -> None:
    until = time.monotonic() + STOP_SECONDS
    for child in children:
        child.send(signal.SIGTERM)
    while any(child.alive() for child in children):
        if time.monotonic() > until or signals.stops > 1:
            break
        time.sleep(0.02)
    for child in children:
        child.send(signal.SIGKILL, group=True)
        if child.process is not None:
            child.process.wait()
