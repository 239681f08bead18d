"""Whether a notification can be made durable, and how fresh a read is: by both ways."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.inbox.spool import Depth, Spool
from receiver.sealing import Sealer
from receiver.store.database import connect
from receiver.store.directory import Directory
from receiver.store.points import hash_of
from receiver.web.rooms import rooms_of
from receiver.web.snapshot import Snapshot
from receiver.web.spool_watch import ROOM_BYTES, SpoolState, SpoolWatch
from receiver.web.watched import Work
from tests.cli.processes import eventually
from tests.conftest import MakeDatabase
from tests.making import make_fact, make_receipt
from tests.web.service import Service, make_caller, receipt, running
from tests.web.service import make_point as make_point_of
from tests.web.test_roster import make_point

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
SPOOL_BYTES = 10 * 1024 * 1024


def spool(folder: Path, *, age: timedelta = timedelta(0)) -> None:
    """Put a fact of this age into the spool."""
    writer = Spool(folder, Sealer([b"k" * 32]), max_bytes=SPOOL_BYTES)
    writer.put([make_fact(make_receipt("t", "Read"), at=datetime.now(UTC) - age)])
    writer.close()


def watch(folder: Path | None, *, max_bytes: int = SPOOL_BYTES) -> SpoolWatch:
    return SpoolWatch(folder, max_bytes=max_bytes)


def keep_snapshot(var: Path, *tokens: str) -> None:
    """Leave what a process leaves that has seen a Postgres with these tokens."""
    with closing(Snapshot(var)) as snapshot:
        snapshot.keep(Directory({hash_of(each): make_point(each) for each in tokens}, {}))


def ready(service: Service) -> tuple[int, Any]:
    answer = service.client.get("/health/ready")
    return answer.status_code, answer.json


@pytest.fixture
def spooling(database_url: str, tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """The application with a spool of its own, and its folder."""
    folder = tmp_path / "spool"
    with running(database_url, spool=str(folder)) as service:
        yield service, folder


def test_both_ways_are_told(spooling: tuple[Service, Path]) -> None:
    service, folder = spooling
    spool(folder, age=timedelta(seconds=30))

    status, told = ready(service)

    assert (status, told["status"], told["parts"]["database"]["status"]) == (200, "ready", "ok")
    depth = told["parts"]["spool"]
    assert (depth.pop("ms") >= 0, depth.pop("timeout_ms")) == (True, 2000)
    assert 30 <= depth.pop("oldest_seconds") < 40
    assert depth.pop("bytes") > 0
    assert depth == {"status": "ok", "facts": 1, "damaged": 0}


def test_reads_say_what_the_ledger_lacks(spooling: tuple[Service, Path]) -> None:
    service, folder = spooling
    caller = make_caller(service)
    before = caller.get("/sends").headers["Receiver-Ledger"]
    spool(folder, age=timedelta(seconds=30))

    def told() -> str:
        return str(caller.get("/sends").headers["Receiver-Ledger"])

    until = time.monotonic() + 5
    while told() == before:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert before == "complete=true; spooled=0; oldest=0"
    assert told().startswith("complete=false; spooled=1; oldest=3")
    assert caller.get("/sends", headers={"If-None-Match": "*"}).headers["Receiver-Ledger"]


@pytest.mark.parametrize(
    ("depth", "empty"),
    [
        pytest.param(Depth(), True, id="nothing"),
        pytest.param(Depth(kept_bytes=9), True, id="applied"),
        pytest.param(Depth(segments=1), False, id="waiting"),
        pytest.param(Depth(damaged=1), False, id="damaged"),
    ],
)
def test_a_ledger_is_complete_with_all_that_was_spooled(depth: Depth, *, empty: bool) -> None:
    assert SpoolState("ok", depth).is_empty is empty


def test_what_refuses_to_commit_is_told_until_it_does(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    url = make_database()
    with running(url, spool=str(tmp_path / "spool"), var_dir=tmp_path) as service:
        point = make_point_of(service)

        def told(status: str) -> bool:
            parts = ready(service)[1]["parts"]
            return bool(parts["database"]["status"] == status)

        alter(service, "SET default_transaction_read_only = on")
        assert service.hook(point, receipt("t-1", "Read")).status_code == 200
        eventually(lambda: told("read_only"))
        assert ready(service)[:1] == (200,)
        assert ready(service)[1]["status"] == "degraded"

        alter(service, "RESET default_transaction_read_only")
        eventually(lambda: service.hook(point, receipt("t-2", "Read")).json and told("ok"))


def alter(service: Service, change: str) -> None:
    """Alter the service's database, and end the connections that don't know yet."""
    with connect(service.url) as connection:
        connection.execute("SET default_transaction_read_only = off")
        name = connection.info.dbname
        connection.execute(sql.SQL(f"ALTER DATABASE {{}} {change}").format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )


def test_with_postgres_away_the_spool_is_ready_enough(tmp_path: Path) -> None:
    keep_snapshot(tmp_path, "token")
    with running(NOWHERE, spool=str(tmp_path / "spool"), var_dir=tmp_path) as service:
        rooms_of(service.app).roster.watch()
        status, told = ready(service)

    assert (status, told["status"]) == (200, "degraded")
    assert told["parts"]["database"]["status"] == "away"
    assert told["parts"]["directory"]["status"] == "ok"


@pytest.mark.parametrize("tokens", [pytest.param(None, id="none"), pytest.param([], id="empty")])
def test_a_spool_takes_nothing_from_nobody(tmp_path: Path, tokens: list[str] | None) -> None:
    if tokens is not None:
        keep_snapshot(tmp_path, *tokens)
    with running(NOWHERE, spool=str(tmp_path / "spool"), var_dir=tmp_path) as service:
        rooms_of(service.app).roster.watch()
        status, told = ready(service)

    assert (status, told["status"]) == (503, "unready")
    assert told["parts"]["spool"]["status"] == "ok"
    assert told["parts"]["directory"]["status"] == "unknown"


def test_a_directory_without_tokens_is_known(make_database: MakeDatabase) -> None:
    with running(make_database()) as service:
        status, told = ready(service)

    assert (status, told["parts"]["directory"]["status"]) == (200, "ok")


def test_a_spool_that_would_take_nothing_is_no_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running(NOWHERE, spool=str(tmp_path / "file" / "spool")) as service:
        status, told = ready(service)

    assert (status, told["status"]) == (503, "unready")
    assert told["parts"]["spool"]["status"] == "unwritable"


def test_a_lost_spool_beside_a_good_postgres_is_degraded(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running(database_url, spool=str(tmp_path / "file")) as service:
        status, told = ready(service)

    assert (status, told["status"]) == (200, "degraded")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("UPDATE alembic_version SET version_num = '0000'", "behind", id="behind"),
        pytest.param("DROP TABLE alembic_version", "empty", id="empty"),
    ],
)
def test_a_schema_that_is_not_ours_is_no_way(
    make_database: MakeDatabase, change: str, said: str
) -> None:
    with running(make_database()) as service:
        with Session(service.engine) as session:
            session.execute(text(change))
            session.commit()
        status, told = ready(service)

    assert (status, told["parts"]["database"]["status"]) == (503, said)


def test_the_spool_is_full_before_it_refuses(tmp_path: Path) -> None:
    spool(tmp_path)

    assert watch(tmp_path).look().status == "ok"
    assert watch(tmp_path, max_bytes=ROOM_BYTES).look().status == "full"


def test_looking_makes_nothing_and_no_spool_is_off(tmp_path: Path) -> None:
    assert watch(tmp_path / "a" / "b").look() == SpoolState("ok")
    assert list(tmp_path.iterdir()) == []
    assert watch(None).look() == SpoolState("off")


def test_a_disk_that_hangs_takes_nothing(tmp_path: Path) -> None:
    waiting: list[Work] = []
    looking = SpoolWatch(tmp_path, max_bytes=SPOOL_BYTES, beside=waiting.append)

    assert [looking.look().status for _ in range(3)] == ["unwritable"] * 3
    (look,) = waiting
    look()
    assert looking.look().status == "ok"
