"""SIGTERM, Ctrl-C and SIGHUP for our own long-lived commands.

SIGHUP is a closed terminal, which stops too, or for `receiver serve` the wish to reload.

The first signal to stop ends what is being done with SystemExit, wherever that is, so that every
`with` and `finally` on the way out does its part. Later ones only make the stop harder: nothing
that is being cleaned up is cut short.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Signals:
    """What has been asked of this process so far.

    Being stopped is the normal end of a service; a `task` that was cut short has failed.
    """

    def __init__(self, *, task: bool) -> None:
        self._task = task
        self.stops = 0
        self.reloads = 0

    def stop(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal to stop."""
        self.stops += 1
        if self.stops == 1:
            raise SystemExit(128 + number if self._task else 0)

    def reload(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal to reload."""
        self.reloads += 1


@contextmanager
def heeded(*, hup_reloads: bool = False, task: bool = False) -> Iterator[Signals]:
    """Let the signals of this process tell `Signals` as long as the context lasts."""
    signals = Signals(task=task)
    wanted = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), signals.stop)
    if hup_reloads:
        wanted[signal.SIGHUP] = signals.reload
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
