"""PgBouncer between us and Postgres: a session each, as our settings and locks need."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import conninfo, sql

from receiver.domain.errors import StoreAwayError
from receiver.store.fitness import connect_for_facts
from tests.cli.processes import eventually, free_port
from tests.conftest import MakeDatabase
from tests.web.server import serving
from tests.web.service import make_caller, make_point, make_transid, receipt, running

PGBOUNCER: Final = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="NO POOLER: pgbouncer is not installed")


@contextmanager
def pooled(url: str, *, mode: str) -> Iterator[str]:
    """Run a pooler before the database at `url`; give the URL that goes through it."""
    parts = conninfo.conninfo_to_dict(url)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={parts['host']} port={parts['port']} user={parts['user']}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\nlogfile = {folder}/log\n"
        )
        owner = Path(str(parts["host"])).stat().st_uid if os.geteuid() == 0 else os.geteuid()
        for each in (folder, config):
            os.chown(each, owner, -1)
        process = subprocess.Popen([str(PGBOUNCER), "-q", str(config)], user=owner)
        through = f"postgresql://{parts['user']}:x@127.0.0.1:{port}/{parts['dbname']}"
        try:
            eventually(lambda: _answers(through))
            yield through
        finally:
            process.terminate()
            process.wait(20)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_notifications_are_taken_through_a_pooler_of_sessions(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    url = make_database()
    transids = [make_transid() for _ in range(20)]
    with running(url) as direct, pooled(url, mode="session") as through:
        point, caller = make_point(direct), make_caller(direct)
        with serving(through, tmp_path / "log", WEB_CONCURRENCY="2") as server:
            for transid in transids:
                body = json.dumps(receipt(transid, "Delivered")).encode()
                assert server.request("POST", f"/hooks/{point.token_local}", body).status == 200
            told = server.request(
                "GET", f"/api/v1/sends/{transids[0]}", Authorization=f"Bearer {caller.secret}"
            )

        assert told.json["deliveries"][0]["status"] == "delivered"
        [row] = direct.rows("SELECT count(*) AS kept FROM receipts")
        assert row["kept"] == len(transids)


def test_where_sessions_are_shared_the_default_has_to_be_durable(
    make_database: MakeDatabase,
) -> None:
    url = make_database()
    name = str(conninfo.conninfo_to_dict(url)["dbname"])
    with pooled(url, mode="transaction") as through:
        connect_for_facts(through).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    connect_for_facts(url).close()  # a session of our own says otherwise
    with (
        pooled(url, mode="transaction") as through,
        pytest.raises(StoreAwayError, match="synchronous_commit"),
    ):
        connect_for_facts(through)
