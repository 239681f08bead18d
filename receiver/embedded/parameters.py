"""How the embedded Postgres is set up: parameters on its command line, and who may connect."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from receiver.embedded.place import ROLE, Place

MEBIBYTE: Final = 1024 * 1024
SHARED_BUFFERS_CAP_MB: Final = 4096
SHARED_BUFFERS_FLOOR_MB: Final = 32
#: Rare checkpoints: a page is written whole into the log when it first changes after one.
WAL_CAP_MB: Final = 4096
WAL_FLOOR_MB: Final = 1024

#: On the command line, so that neither a file nor ALTER SYSTEM can take durability away.
FIXED: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "checkpoint_timeout": "15min",  # by the size of the log, else seldom
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # Rows and parameters hold numbers and texts of customers: none of it into the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "logging_collector": "off",
}


def command_line(place: Place) -> list[str]:
    """Return the arguments of `postgres` for this place."""
    wanted = {
        **FIXED,
        "shared_buffers": f"{shared_buffers_mb()}MB",
        "max_wal_size": f"{wal_mb(place.data)}MB",
        "unix_socket_directories": str(place.socket),
    }
    options = [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]
    return ["-D", str(place.data), *options]


def initdb_arguments(data: Path) -> list[str]:
    """Return the arguments of `initdb`: UTF-8, ordered by code point, on every machine alike."""
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    wanted = ["--encoding=UTF8", f"--username={ROLE}", "--auth=reject", "--no-instructions"]
    return ["-D", str(data), *locale, *wanted]


def write_access(place: Place) -> None:
    """Let in root and the server's own user, by what the kernel says of the caller."""
    names = dict.fromkeys(("root", place.account.name))
    idents = "".join(f'ours "{name}" {ROLE}\n' for name in names)
    for file, text in (
        ("pg_ident.conf", idents),
        ("pg_hba.conf", "local all all peer map=ours\n"),
    ):
        path = place.data / file
        path.write_text(text)
        place.account.give(path)


def shared_buffers_mb() -> int:
    """Return a quarter of the memory we may use, between a floor and a cap."""
    quarter = _memory_bytes() // 4 // MEBIBYTE
    return max(SHARED_BUFFERS_FLOOR_MB, min(SHARED_BUFFERS_CAP_MB, quarter))


def wal_mb(data: Path) -> int:
    """Return an eighth of the disk that the data are on, between a floor and a cap."""
    eighth = shutil.disk_usage(data).total // 8 // MEBIBYTE
    return max(WAL_FLOOR_MB, min(WAL_CAP_MB, eighth))


def _memory_bytes() -> int:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return machine
