"""Rolling deploys: the next version migrates and takes over while receipts come, and loses none.

This tree is version N. N+1 is a copy of it with one step more of the schema, made as such steps are
to be: columns with a default and an index that is built concurrently, on the tables that every
receipt writes to. What an older version did with today's schema no test of today's tree can say;
that it goes on with tomorrow's is shown here, and is what each version promises to the next.
"""

import http.client
import itertools
import json
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy.orm import Session

from receiver.store import points, schema
from receiver.store.database import make_engine
from receiver.store.directory import DirectoryReader
from receiver.store.fitness import REQUIRED
from receiver.web.snapshot import Snapshot
from tests.cli.processes import ROOT, Running, environment, eventually, free_port
from tests.conftest import MakeDatabase
from tests.web.service import make_transid, receipt

SENDERS = 4
KEY = b64encode(b"k" * 32).decode()
NEXT = "9999"
STEP = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{REQUIRED}"


def upgrade():
    for table in ("sends", "deliveries", "receipts"):
        column = sa.Column("campaign", sa.Text(), server_default="", nullable=False)
        op.add_column(table, column)
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY sends_campaign ON sends (campaign, seq)")


def downgrade():
    op.drop_index("sends_campaign", "sends")
    for table in ("sends", "deliveries", "receipts"):
        op.drop_column(table, "campaign")
"""


class Host:
    """A machine with a version of the code, and a folder of its own."""

    def __init__(self, tree: Path, var: Path, url: str) -> None:
        var.mkdir()
        main = (
            f"import sys; sys.path.insert(0, {str(tree)!r}); from receiver.cli import main; main()"
        )
        self.port = free_port()
        self.var = var
        self._command = [sys.executable, "-c", main]
        self._environment = environment(
            var,
            DATABASE_URL=url,
            PORT=str(self.port),
            RECEIVER_SECRET_KEYS=KEY,
        )

    def run(self, name: str) -> Running:
        log = self.var / f"{name}.log"
        return Running([*self._command, name], self._environment, log)

    @contextmanager
    def serving(self) -> Iterator[Running]:
        service = self.run("serve")
        try:
            eventually(lambda: self.ready().get("status") in {"ready", "degraded"}, 30)
            yield service
        finally:
            if service.process.poll() is None:
                service.stop()

    def ready(self) -> Any:
        try:
            url = f"http://127.0.0.1:{self.port}/health/ready"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.HTTPError, OSError):
            return {}

    def database(self) -> Any:
        return self.ready()["parts"]["database"]["status"]

    def spooled(self) -> int:
        return int(self.ready()["parts"]["spool"]["facts"])


class Platform:
    """Posts receipts to a balancer, which asks the next host where one doesn't answer 200."""

    def __init__(self, token: str, *hosts: Host) -> None:
        self.hosts: Sequence[Host] = hosts
        self.taken: set[str] = set()
        self.lost: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._path = f"/hooks/{token}"
        self._turn = itertools.count()
        self._over = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(self._send) for _ in range(SENDERS)]
            try:
                yield
            finally:
                self._over.set()
        for each in senders:
            each.result()

    def await_more(self, receipts: int = 100) -> None:
        enough = len(self.taken) + receipts
        eventually(lambda: len(self.taken) >= enough, 20)

    def _send(self) -> None:
        while not self._over.is_set():
            transid = make_transid()
            (self.taken if self._is_taken(transid) else self.lost).add(transid)
            time.sleep(0.005)

    def _is_taken(self, transid: str) -> bool:
        body = json.dumps(receipt(transid, "Delivered"))
        hosts, first = self.hosts, next(self._turn)
        return any(
            self._post(hosts[(first + place) % len(hosts)], body) == 200
            for place in range(len(hosts))
        )

    def _post(self, host: Host, body: str) -> int:
        line = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
        try:
            line.request("POST", self._path, body)
            status = line.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            line.close()
        self.statuses[status] += 1
        return status


@pytest.fixture
def url(make_database: MakeDatabase) -> str:
    return make_database()


@pytest.fixture
def token(url: str) -> str:
    engine = make_engine(url)
    with Session(engine) as session:
        token = points.add(session, domain="default", code="otp").token_local
        session.commit()
    engine.dispose()
    return token


@pytest.fixture
def next_tree(var: Path) -> Path:
    """Version N+1."""
    tree = var / "tree"
    for folder in ("receiver", "config", "migrations"):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tree / folder, ignore=unwanted)
    for file in ("wsgi.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    (tree / "migrations" / "versions" / f"{NEXT}_the_next_step.py").write_text(STEP)
    return tree


def stored(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {transid for (transid,) in connection.execute("SELECT transid FROM deliveries")}


def test_the_next_version_takes_over_and_nothing_is_lost(
    url: str, token: str, var: Path, next_tree: Path
) -> None:
    now, then = Host(ROOT, var / "now", url), Host(next_tree, var / "then", url)
    platform = Platform(token, now)
    with now.serving() as old, platform.sending():
        platform.await_more()
        with then.serving():  # before the schema is its own: it keeps what it takes
            assert then.database() == "behind"
            platform.hosts = (now, then)
            eventually(then.spooled)
            assert then.run("migrate").process.wait(60) == 0
            assert now.database() == "ok"
            eventually(lambda: then.database() == "ok" and not then.spooled(), 20)
            platform.await_more()
            assert not now.spooled()
            assert old.stop() == 0
            platform.hosts = (then,)
            platform.await_more()
            platform._over.set()
            eventually(lambda: not then.spooled(), 20)

    assert platform.lost == set()
    assert platform.statuses.keys() <= {200, 0}, platform.statuses  # 0: while the old one ended
    assert stored(url) == platform.taken


def test_a_host_whose_code_is_ahead_of_the_schema_takes_all_and_brings_it_in(
    url: str, token: str, var: Path
) -> None:
    host = Host(ROOT, var / "now", url)
    with closing(DirectoryReader(url)) as reader, closing(Snapshot(host.var, [KEY])) as snapshot:
        taken = reader.read(None)
        assert taken
        snapshot.keep(taken[1])
    command.downgrade(schema.config_for(url), "-1")
    platform = Platform(token, host)
    with host.serving(), platform.sending():
        assert host.database() == "behind"
        platform.await_more()
        assert host.run("migrate").process.wait(60) == 0
        eventually(lambda: host.database() == "ok" and not host.spooled(), 20)
        platform.await_more()

    assert platform.lost == set()
    assert platform.statuses.keys() == {200}
    assert stored(url) == platform.taken
