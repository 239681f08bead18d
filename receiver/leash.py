"""Runs a program that ends with the process that started it, even one killed with SIGKILL.

Run by path (`python -I leash.py <parent's pid> <program> <argument>...`) and imports nothing of
ours, so that the program gets a fresh interpreter at once. Only Linux has such a leash; elsewhere
a program left behind has to be stopped by hand.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`, to be sent SIGTERM when `parent` ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the leash was on
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
