"""Where a server is set up."""

from dataclasses import dataclass
from pathlib import Path

from bench.postgres import Postgres


@dataclass(frozen=True, kw_only=True)
class Room:
    """A name for a server's files and its database, and its size."""

    name: str
    postgres: Postgres
    workers: int

    @property
    def log(self) -> Path:
        """Return the file that the server writes to."""
        return self.postgres.folder / f"{self.name}.log"

    def make_database(self) -> str:
        """Make the server's own database; return its URL."""
        return self.postgres.make_database(f"bench_{self.name}")
