"""What was measured on, as far as it matters to who compares."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg

_PACKAGES: Final = ("flask", "gevent", "gunicorn", "marshmallow", "psycopg", "sqlalchemy")
_GIBIBYTE: Final = 1024**3


def machine() -> dict[str, str | int | float]:
    """Return processors, memory and kernel."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / _GIBIBYTE, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(database_url: str) -> dict[str, str]:
    """Return those of Python, Postgres and the libraries that do the work."""
    with psycopg.connect(database_url) as connection:
        number = connection.info.server_version
    return {
        "python": platform.python_version(),
        "postgres": f"{number // 10000}.{number % 10000}",
    } | {name: version(name) for name in _PACKAGES}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
