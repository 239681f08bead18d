"""A server that is up."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where it is, and the tables that must hold each notification that it answered 200."""

    hook_url: str
    pid: int
    database_url: str = ""
    tables: tuple[str, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        parts = urlsplit(self.hook_url)
        return parts.hostname or "", parts.port or 0
