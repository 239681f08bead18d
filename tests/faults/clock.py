"""A clock of the service's own: a few lines of C, loaded before everything else."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("clock.c")


class Clock:
    """The wall clock of the processes that get its environment."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "clock.so"
        self._shift = folder / "shift"
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE)]
        subprocess.run(command, check=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that make a process heed it."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_SHIFT": str(self._shift)}

    @contextmanager
    def set_back(self, seconds: int) -> Iterator[None]:
        """Let the clock go wrong by so much as long as the context lasts."""
        self._shift.write_text(str(-seconds))
        try:
            yield
        finally:
            self._shift.unlink()


def missing_tool() -> str:
    """Return why no clock can be set here; empty where one can."""
    if sys.platform != "linux":
        return "a clock of its own needs Linux: LD_PRELOAD"
    return "" if shutil.which("cc") else "a clock of its own needs a C compiler: cc"
