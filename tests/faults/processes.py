"""What the kernel says of processes."""

from collections.abc import Sequence
from pathlib import Path


def children(pid: int) -> Sequence[int]:
    """Return the children of a process; none where it is gone."""
    try:
        said = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(each) for each in said.split()]


def descendants(pid: int) -> Sequence[int]:
    """Return the children of a process, and theirs."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def command_of(pid: int) -> str:
    """Return the command line of a process, empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds, 0 where it is gone."""
    try:
        said = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in said.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else 0


def listeners(port: int) -> int:
    """Return how many sockets listen on a port of IPv4."""
    said = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f":{port:04X}"
    return sum(local.endswith(ends) and state == "0A" for _, local, _, state, *_ in said)
