"""Both Procfiles as they stand, under honcho, on the embedded Postgres: the main job is done."""

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from receiver import embedded
from receiver.settings import Settings
from receiver.store import keys, points
from receiver.store.database import make_engine
from tests.cli.commands import path_with_receiver
from tests.cli.processes import (
    Running,
    environment,
    eventually,
    free_port,
    processes_naming,
    status_of,
)
from tests.web.server import Server
from tests.web.service import ago, make_transid, receipt

HONCHO = (sys.executable, "-m", "honcho")
#: honcho gives the first of the processes that it starts PORT, and each further one so much more.
STRIDE = 100
ROLES = ("-f", "config/Procfile.roles")


@dataclass
class Site:
    """What runs: where notifications go, where everything else, and the folder of both."""

    var: Path
    hooks: Server
    api: Server

    @cached_property
    def url(self) -> str:
        return embedded.database_url(Settings(var_dir=self.var))

    def add(self) -> tuple[str, str]:
        """Add a point and a key; return the path of the hook, and the header."""
        engine = make_engine(self.url)
        with Session(engine) as session:
            token = points.add(session, domain="default", code="otp").token_local
            scopes = ["read", "send"]
            _, secret = keys.add(session, domain="default", name="shop", scopes=scopes)
            session.commit()
        engine.dispose()
        return f"/hooks/{token}", f"Bearer {secret}"

    def counts_waiting(self) -> tuple[int, int]:
        """How many counts the worker has not rolled up, and how many it has."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM deltas), (SELECT count(*) FROM rollups)"
            ).fetchone()
        assert row
        return row[0], row[1]


@contextmanager
def started(var: Path, *procfile: str, processes: Sequence[str]) -> Iterator[Site]:
    """Migrate, and have the processes run; in the end nothing of them is left."""
    port = two_ports()
    ours = environment(var, PORT=str(port), PATH=path_with_receiver(var / "bin"))
    release = [*HONCHO, *procfile, "run", "receiver", "migrate"]
    assert Running(release, ours, var / "release.log").process.wait(30) == 0
    web = [Server(port + STRIDE * number) for number in range(len(processes) - 1)]
    command = Running([*HONCHO, *procfile, "start", *processes], ours, var / "honcho.log")
    try:
        eventually(lambda: all(status_of(f"{at(each)}/health/ready") == 200 for each in web), 30)
        command.wait_for("worker_works")
        yield Site(var, hooks=web[0], api=web[-1])
    finally:
        command.stop()
    eventually(lambda: not processes_naming(f"RECEIVER_VAR={var}"))
    eventually(lambda: not processes_naming(f"{var}/postgres"))


def at(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def two_ports() -> int:
    """Return one that is free together with the next that honcho gives."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            if port + STRIDE < 65_536 and probe.connect_ex(("127.0.0.1", port + STRIDE)):
                return port


def body_of(told: Any) -> bytes:
    return json.dumps(told).encode()


def do_the_main_job(site: Site) -> tuple[str, str]:
    """Record a send, post its receipts, look it up; return the hook's path and the key."""
    path, key = site.add()
    transid = make_transid()
    send = {"transid": transid, "destinations": ["447700900123"], "requested_at": ago(minutes=1)}

    recorded = site.api.request("POST", "/api/v1/sends", body_of(send), Authorization=key)
    assert (recorded.status, recorded.json["transid"]) == (201, transid)
    for status in ("Delivered", "Submitted"):
        notice = body_of(receipt(transid, status, timeStamp=ago(seconds=30)))
        taken = site.hooks.request("POST", path, notice)
        assert (taken.status, taken.json["result"]) == (200, "accepted")
    found = site.api.request("GET", f"/api/v1/sends/{transid}", Authorization=key)
    assert [each["status"] for each in found.json["deliveries"]] == ["delivered"]

    eventually(lambda: not site.counts_waiting()[0], 20)
    assert site.counts_waiting()[1]
    stats = site.api.request("GET", "/api/v1/stats", Authorization=key).json["items"]
    assert [sum(row[name] for row in stats) for name in ("sends", "success")] == [1, 1]
    return path, key


def test_the_procfile_s_web_and_worker_do_the_main_job(var: Path) -> None:
    with started(var, processes=("web", "worker")) as site:
        do_the_main_job(site)


def test_with_roles_split_each_does_its_part_and_sends_nobody_away_for_good(var: Path) -> None:
    with started(var, *ROLES, processes=("hooks", "api", "worker")) as site:
        path, key = do_the_main_job(site)

        notice = body_of(receipt(make_transid(), "Delivered"))
        elsewhere = [
            site.api.request("POST", path, notice),
            site.hooks.request("GET", "/api/v1/stats", Authorization=key),
            site.hooks.request("POST", "/resources/v1/messaging", b"{}", Authorization=key),
        ]
        assert [answer.status for answer in elsewhere] == [503] * 3
        served = site.api.request("POST", "/resources/v1/messaging", b"{}", Authorization=key)
        assert served.json["response"]["code"] == "7006"  # nobody told it of a platform
