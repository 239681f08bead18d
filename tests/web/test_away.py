"""`receiver serve` that starts while Postgres is away: who gets in, and what it says."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.orm import Session

from receiver.store import keys, points
from receiver.store.database import make_engine
from receiver.store.directory import DirectoryReader
from receiver.web.snapshot import FILE, Snapshot
from tests.cli.processes import Running, eventually, free_port, running, status_of
from tests.conftest import MakeDatabase
from tests.faults.line import Line
from tests.web.service import make_transid, receipt

NOWHERE = "postgresql://receiver:hunter2@127.0.0.1:1/receiver"


@dataclass(frozen=True)
class Known:
    """A database with a point and a key, reached directly and through a line."""

    url: str
    line: Line
    line_url: str
    token: str
    secret: str

    def add_point(self) -> str:
        with Session(engine := make_engine(self.url)) as session:
            token = points.add(session, domain="default", code=make_transid()).token_local
            session.commit()
        engine.dispose()
        return token

    def revoke(self) -> None:
        with Session(engine := make_engine(self.url)) as session:
            keys.revoke(session, self.secret[:11])
            session.commit()
        engine.dispose()


@pytest.fixture
def known(make_database: MakeDatabase) -> Iterator[Known]:
    url = make_database()
    parts = conninfo_to_dict(url)
    line = Line(Path(str(parts["host"])) / f".s.PGSQL.{parts['port']}")
    line_url = f"postgresql://{parts['user']}@127.0.0.1:{line.port}/{parts['dbname']}"
    with Session(engine := make_engine(url)) as session:
        token = points.add(session, domain="default", code="first").token_local
        _, secret = keys.add(session, domain="default", name="test", scopes=["send", "read"])
        session.commit()
    engine.dispose()
    yield Known(url, line, line_url, token, secret)
    line.close()


class Caller:
    """Calls a service on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.slowest = 0.0

    def hook(self, token: str, method: str = "POST") -> int:
        return self._call(method, f"/hooks/{token}", receipt(make_transid(), "Delivered"))

    def record(self, secret: str) -> int:
        body = {"transid": make_transid(), "destinations": ["447700900123"]}
        return self._call("POST", "/api/v1/sends", body, Authorization=f"Bearer {secret}")

    def _call(self, method: str, path: str, body: object, **headers: str) -> int:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        began = time.monotonic()
        try:
            line.request(method, path, json.dumps(body), headers)
            return line.getresponse().status
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
            line.close()


def up(service: Running, port: int) -> Caller:
    eventually(lambda: status_of(f"http://127.0.0.1:{port}/health/live") == 200, 30)
    assert service.process.poll() is None
    return Caller(port)


def take_snapshot(known: Known, var: Path) -> None:
    """Leave what a process leaves that has seen Postgres."""
    with closing(DirectoryReader(known.url)) as reader, closing(Snapshot(var)) as snapshot:
        changed = reader.read(None)
        assert changed
        snapshot.keep(changed[1])


def test_the_known_get_in_at_once_and_nobody_else_is_refused_for_good(
    known: Known, var: Path
) -> None:
    take_snapshot(known, var)
    port = free_port()
    with running("serve", var=var, PORT=str(port), DATABASE_URL=NOWHERE) as service:
        caller = up(service, port)
        for _ in range(20):
            assert caller.hook(known.token, "HEAD") == 200
            assert caller.hook("unknown") == 503
            assert caller.record("rk_unknown") == 503
        assert caller.slowest < 0.5
        assert caller.hook(known.token) == 200
        assert caller.record(known.secret) == 201
        said = service.output
    assert f"until then notifications go to the spool at {var}/spool" in said
    assert "1 hook tokens are known, as of " in said
    for private in (known.token, known.secret, "hunter2", "447700900123"):
        assert private not in said


def test_without_a_snapshot_nobody_is_known_and_that_is_said(var: Path) -> None:
    port = free_port()
    more = {"DATABASE_URL": NOWHERE, "RECEIVER_SPOOL": "off"}
    with running("serve", var=var, PORT=str(port), **more) as service:
        assert up(service, port).hook("any") == 503
        said = service.output
    assert "notifications are answered 503, as there is no spool (RECEIVER_SPOOL)" in said
    assert "no hook token is known" in said


def test_what_another_process_learns_after_our_start_lets_the_known_in(
    known: Known, var: Path
) -> None:
    port = free_port()
    with running("serve", var=var, PORT=str(port), DATABASE_URL=NOWHERE) as service:
        caller = up(service, port)
        assert caller.hook(known.token) == 503
        take_snapshot(known, var)
        eventually(lambda: caller.hook(known.token) == 200)
        assert caller.hook("unknown") == 503
        token = known.add_point()
        take_snapshot(known, var)
        eventually(lambda: caller.hook(token) == 200)


def test_when_postgres_comes_back_all_is_certain_again(known: Known, var: Path) -> None:
    take_snapshot(known, var)
    port = free_port()
    with running("serve", var=var, PORT=str(port), DATABASE_URL=known.line_url) as service:
        with known.line.silent():
            caller = up(service, port)
            assert caller.hook("unknown") == 503
            for _ in range(20):
                assert caller.hook(known.token, "HEAD") == 200
                assert caller.hook("unknown") == 503
            assert caller.slowest < 3

        eventually(lambda: caller.hook("unknown") == 404)
        assert caller.record("rk_unknown") == 401
        assert caller.hook(known.add_point()) == 200
        assert caller.record(known.secret) == 201
        known.revoke()
        began = time.monotonic()
        eventually(lambda: caller.record(known.secret) == 401, 5)
        assert time.monotonic() - began < 3
        before = (var / FILE).stat().st_mtime_ns
        known.add_point()
        eventually(lambda: (var / FILE).stat().st_mtime_ns != before, 5)


def ask_ready(port: int) -> tuple[int, str, float]:
    """Return status, what is said of the database, and how long that took."""
    began = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as line:
        line.request("GET", "/health/ready")
        answer = line.getresponse()
        parts = json.load(answer)["parts"]
    return answer.status, parts["database"]["status"], time.monotonic() - began


def test_whether_it_is_ready_is_said_at_once_while_postgres_is_silent(
    known: Known, var: Path
) -> None:
    port = free_port()
    with running("serve", var=var, PORT=str(port), DATABASE_URL=known.line_url) as service:
        up(service, port)
        eventually(lambda: ask_ready(port)[:2] == (200, "ok"))
        with known.line.silent():
            said = []
            for _ in range(30):
                said.append(ask_ready(port))
                time.sleep(0.2)
        eventually(lambda: ask_ready(port)[1] == "ok")

    assert {status for status, _, _ in said} == {200}
    assert {database for _, database, _ in said[-10:]} == {"away"}
    assert max(seconds for _, _, seconds in said) < 0.5


def test_it_is_not_ready_before_anybody_is_known(known: Known, var: Path) -> None:
    port = free_port()
    with running("serve", var=var, PORT=str(port), DATABASE_URL=known.line_url) as service:
        with known.line.silent():
            up(service, port)
            status, database, seconds = ask_ready(port)
            assert (status, database) == (503, "away")
            assert seconds < 1
            assert ask_ready(port)[2] < 0.5
        eventually(lambda: ask_ready(port)[0] == 200)
