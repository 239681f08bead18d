"""Disks that are small enough to be filled: tmpfs, which only root can mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.cli.processes import fresh_folder


@contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[None]:
    """Have a disk of its own behind `folder`."""
    options = f"size={megabytes}m,mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte free on the disk of `folder` as long as the context lasts."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            _fill(file.fileno())
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _fill(file: int) -> None:
    size = 1024 * 1024
    while size:
        try:
            os.write(file, bytes(size))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2


@cache
def missing_privilege() -> str:
    """Return why no disk can be mounted here; empty where it can."""
    if os.geteuid() != 0:
        return "a disk of its own needs root: mount"
    with fresh_folder() as folder:
        try:
            with mounted(folder, megabytes=1):
                return ""
        except (OSError, subprocess.CalledProcessError):
            return "a disk of its own needs the right to mount"
