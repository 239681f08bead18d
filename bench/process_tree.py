"""What a process and all that it has started cost, read from /proc."""

import os
from pathlib import Path
from typing import Final

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
#: Where user, system, and the same of children that have ended stand, behind the program's name.
_TIMES: Final = slice(11, 15)
#: In /proc/stat: user, nice, system, both kinds of interrupts, and what the host took away.
_BUSY: Final = (0, 1, 2, 5, 6, 7)
_KIBIBYTE: Final = 1024


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for each in found:
        found.extend(_children(each))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time, user and system, that a tree has used so far."""
    return sum(_ticks(each) for each in tree(pid)) / _TICKS_A_SECOND


def busy_seconds() -> float:
    """Return the processor time that the whole machine has used, or was kept from using."""
    used = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(used[place]) for place in _BUSY) / _TICKS_A_SECOND


def memory_bytes(pid: int) -> int:
    """Return what a tree holds in memory; pages that several processes share count once."""
    return sum(_proportional_kilobytes(each) for each in tree(pid)) * _KIBIBYTE


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return []


def _ticks(pid: int) -> int:
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return sum(map(int, said.rpartition(")")[2].split()[_TIMES]))


def _proportional_kilobytes(pid: int) -> int:
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in said.splitlines() if line.startswith("Pss:"))
