"""A person to be forgotten: where anything of them is, and the command that forgets."""

import base64
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from receiver.domain.facts import Fact
from receiver.inbox.spool import Drainer, encode
from receiver.inbox.spool.segments import State, list_
from receiver.sealing import Sealer
from receiver.store.database import connect
from receiver.store.erasures import Erasures
from receiver.store.refold import refold
from tests.inbox.spool.spools import KEY, SEALER, make_spool, read
from tests.store.ledgers import stored
from tests.web.service import Service, running

Call = Callable[..., CompletedProcess[str]]
KEYS = (base64.b64encode(KEY).decode(),)
WHO, OTHER = "447700900123", "447700900999"
#: What nobody may find any more, in any case and without what stands between digits.
TRACES = (WHO, "07700900123", "7700900123")


@dataclass
class World:
    """A service with its database and spool, and the command on both."""

    call: Call
    monkeypatch: pytest.MonkeyPatch
    service: Service
    folder: Path

    def forget(self, *options: str, who: str = "+44 7700 900123", **more: str) -> Any:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(f"{who}\n{more.pop('answer', '')}"))
        own = {
            "DATABASE_URL": self.service.url,
            "RECEIVER_SECRET_KEYS": KEYS[0],
            "RECEIVER_SPOOL": str(self.folder),
            "RECEIVER_REGION": "GB",
        }
        done = self.call("forget", *options, **{**own, **more})
        assert WHO not in (done.stdout + done.stderr).replace(" ", "")
        return done

    def erase(self, *options: str, **more: str) -> Any:
        done = self.forget("--yes", *options, **more)
        assert done.returncode == 0, done.stderr
        return done

    def spool(self, *facts: Fact) -> None:
        spool = make_spool(self.folder)
        spool.put(facts)
        spool.close()

    def drain(self) -> None:
        drainer = Drainer(
            self.folder,
            SEALER,
            connect=lambda: connect(self.service.url),
            is_open=lambda: True,
            busy=lambda: False,
            kept_seconds=3600,
            erasures=Erasures(lambda: SEALER),
        )
        assert drainer.drain()
        drainer._disconnect()


@pytest.fixture
def world(
    call: Call,
    make_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[World]:
    with running(make_database(), secret_keys=KEYS, region="GB") as service:
        yield World(call, monkeypatch, service, tmp_path / "spool")


def traces(url: str, folder: Path, sealer: Sealer = SEALER) -> list[str]:
    """Where anything of the person is: in any column of any table, and in any segment."""
    found = []
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for each in connection.execute(  # partitioned tables, and each of their days
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        ).fetchall():
            rows = connection.execute(f'SELECT * FROM "{each["name"]}"'.encode()).fetchall()
            found += [
                f"{each['name']}.{column}: {value!r}"[:300]
                for row in rows
                for column, value in row.items()
                if tells(value)
            ]
    for file in list_(folder, *State):
        facts, damaged = read(file.path, sealer)
        assert not damaged
        found += [f"{file.path.name}: {fact}"[:300] for fact in facts if tells(encode([fact]))]
    return found


def tells(value: Any) -> bool:
    if isinstance(value, bytes):
        return any(map(tells, texts(value)))
    said = json.dumps(value, default=str, ensure_ascii=False)
    for blank in (" ", "-", "(0)", "%20", "\\u0020", "\\"):
        said = said.replace(blank, "")
    return any(trace in said for trace in TRACES)


def texts(raw: bytes) -> Iterator[str]:
    yield raw.replace(b"\0", b"").decode("latin-1")
    for window in (31, -15):
        try:
            yield zlib.decompressobj(window).decompress(raw).decode("latin-1")
        except zlib.error:
            continue


def ledger(url: str, domain: str = "default") -> Mapping[Any, Any]:
    with connect(url) as connection:
        return stored(connection, domain)


def refolded(url: str) -> Mapping[Any, Any]:
    with connect(url) as connection:
        families = connection.execute("SELECT DISTINCT domain, base FROM sends").fetchall()
        refold(connection, families)
        return stored(connection, "default")


def everything(url: str) -> Mapping[str, Sequence[str]]:
    tables = ("sends", "recordings", "deliveries", "receipts", "messages", "quarantine")
    with psycopg.connect(url) as connection:
        return {
            table: [
                str(row)
                for row in connection.execute(f"SELECT t FROM {table} t ORDER BY 1".encode())
            ]
            for table in tables
        }
