"""A real Postgres of the bench's own, and databases in it."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import psycopg
from psycopg import conninfo, sql

from receiver import embedded
from receiver.embedded.place import NOTE
from receiver.settings import Settings

MAX_CONNECTIONS: Final = 100


@dataclass(frozen=True)
class Postgres:
    """A server that runs: where, with which process, and a folder for what goes beside it."""

    url: str
    pid: int
    data: Path
    folder: Path

    def make_database(self, name: str) -> str:
        """Make an empty database; return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        parts = conninfo.conninfo_to_dict(self.url)
        return (
            f"postgresql:///{name}?host={parts['host']}&port={parts['port']}&user={parts['user']}"
        )


@contextmanager
def running() -> Iterator[Postgres]:
    """Run a fresh server in a temporary folder (under TMPDIR), and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="receiver-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for root the server runs as another user
        var = folder / "var"
        with embedded.running(Settings(var_dir=var), announce=click.echo) as url:
            note = json.loads((var / NOTE).read_text())
            yield Postgres(url, note["pid"], Path(note["data"]), folder)
