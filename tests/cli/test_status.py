"""`receiver status`: its first line says whether it is us, the platform, or nobody."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver import metric_files
from receiver.cli.counted import STAMP, folder_of
from receiver.cli.exits import Exit
from receiver.settings import Settings
from receiver.store import partitions
from receiver.store.database import connect
from tests.cli.calling import KEY, Call, Desk
from tests.making import make_fact, make_receipt
from tests.web.service import ago, make_caller, make_point, make_transid, receipt, running

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
REFUSING = """
from receiver import metrics
for _ in range(10):
    metrics.answered(0.1)
metrics.refused("default", "otp", "store_away", 503)
metrics.refused("", "", "not_found", 404)
metrics.refused("", "", "not_found", 404)
"""
SECRET = base64.b64encode(KEY).decode()


@pytest.fixture
def desk(
    call: Call, monkeypatch: pytest.MonkeyPatch, make_database: Any, tmp_path: Path
) -> Iterator[Desk]:
    url = make_database()
    with connect(url) as connection:
        partitions.ensure(connection, today=datetime.now(UTC).date())
    with running(url) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", SECRET)


def send(desk: Desk, *, number: int, names_point: bool = True) -> list[str]:
    """Send through the point some time ago; return the transids."""
    point_ids = [desk.point.id] if names_point else []
    caller = make_caller(desk.service, domain=desk.domain, point_ids=point_ids)
    transids = [make_transid() for _ in range(number)]
    for transid in transids:
        fields = {"channel": "sms", "destinations": ["447700900123"], "transid": transid}
        caller.record(requested_at=ago(minutes=20), **fields)
    with Session(desk.service.engine) as session:
        session.execute(text("UPDATE sends SET recorded_at = recorded_at - interval '20 min'"))
        session.commit()
    return transids


def test_receipts_that_flow_are_nobody_s_trouble(desk: Desk) -> None:
    for transid in send(desk, number=6):
        desk.service.hook(desk.point, receipt(transid, "Delivered"))

    done = desk.run("status")

    assert done.returncode == Exit.WELL
    assert done.stdout.startswith("nobody: nothing is wrong")
    code, told = desk.json("status")
    assert (code, told["blame"], told["service"]) == (Exit.WELL, "none", "not reachable")
    assert (told["receipts_per_minute"], told["sends_per_minute_1h"]) == (0.6, 0.1)
    (point,) = told["points"]
    assert (point["point"], point["receipts_10m"], point["state"]) == (desk.point.code, 6, "ok")
    assert point["last_receipt_at"] > ago(minutes=1)[:16]


def test_sends_without_any_receipt_are_the_platform_s(desk: Desk) -> None:
    send(desk, number=6)
    desk.service.hook(make_point(desk.service), receipt(make_transid(), "Delivered"))

    done = desk.run("status")

    assert done.returncode == Exit.PLATFORM
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"the platform: no receipt came to point {desk.point.code} for a day")
    assert any(line.split()[-1] == "silent" for line in rest if line)


def test_sends_that_name_no_point_are_waited_for_too(desk: Desk) -> None:
    send(desk, number=1, names_point=False)
    desk.service.hook(make_point(desk.service), receipt(make_transid(), "Delivered"))

    _, told = desk.json("status")

    assert told["blame"] == "platform"
    assert "sent without naming a point, with 1 sends" in told["findings"][0]["sentence"]
    assert [each["state"] for each in told["points"]] == ["ok", "silent"]


def test_one_code_that_fails_is_where_the_code_says(desk: Desk) -> None:
    for transid in send(desk, number=6):
        desk.service.hook(desk.point, receipt(transid, "Un-Delivered", code="7201"))

    code, told = desk.json("status")

    assert (code, told["blame"]) == (Exit.BEYOND, "network")
    assert "7201 Delivery failed at operator (sms)" in told["findings"][0]["sentence"]


def test_a_wrong_secret_is_ours(desk: Desk) -> None:
    strict = make_point(desk.service, domain=desk.domain, signature="required")
    desk.service.hook(strict, receipt(make_transid(), "Delivered"))
    desk.service.hook(desk.point, receipt(make_transid(), "Delivered"))

    code, told = desk.json("status")

    assert (code, told["blame"]) == (Exit.US, "us")
    assert "the hub secrets here and at the platform differ" in told["findings"][0]["sentence"]
    assert told["quarantined_1h"] == [
        {"point": strict.code, "quarantined_1h": 1, "reason": "bad_signature"}
    ]


def test_what_hooks_refused_is_told_by_reason(desk: Desk, var: Path) -> None:
    folder = folder_of(Settings(var_dir=var, port=8081))
    assert metric_files.emptied(folder)
    (folder / STAMP).touch()
    os.utime(folder / STAMP, (NOON.timestamp(), NOON.timestamp()))
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", REFUSING], env=environment, check=True)

    _, told = desk.json("status")

    shared = {"port": "8081", "of_calls": 20, "since": "2026-11-25T12:00:00Z"}
    assert told["refused"] == [
        {**shared, "point": "", "status": "404", "reason": "not_found", "refused": 4},
        {**shared, "point": "otp", "status": "503", "reason": "store_away", "refused": 2},
    ]
    assert ["8081", "otp", "503", "store_away", "2", "20"] in [
        line.split()[:6] for line in desk.run("status").stdout.splitlines()
    ]


def test_without_its_database_it_is_us_and_the_spool_is_told(desk: Desk) -> None:
    waits_since = datetime.now(UTC) - timedelta(minutes=5)
    desk.spool(make_fact(make_receipt(make_transid(), "Delivered"), at=waits_since))

    done = desk.run("status", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")

    first, *rest = done.stdout.splitlines()
    assert done.returncode == Exit.US
    assert first.startswith("us: the database can't be used: the database can't be reached")
    assert "also us: 1 facts wait in the spool, the oldest for 5 minutes" in rest
    assert ["spool_facts", "1"] in [line.split() for line in rest]


def test_a_disk_that_is_full_is_ours(desk: Desk, httpserver: HTTPServer) -> None:
    spool = {"status": "full", "facts": 0, "bytes": 0, "oldest_seconds": 0, "damaged": 0}
    parts = {"database": {"status": "ok"}, "spool": spool}
    told = {"status": "degraded", "parts": parts}
    httpserver.expect_request("/health/ready").respond_with_json(told)

    done = desk.run("status", PORT=str(httpserver.port), RECEIVER_HOST=httpserver.host)

    assert done.returncode == Exit.US
    assert done.stdout.startswith("us: the service is degraded")
    assert "also us: the spool is full" in done.stdout
