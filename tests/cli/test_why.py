"""`receiver why`: as somebody on call would ask."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.cli.exits import Exit
from receiver.store.points import Point
from tests.cli.calling import KEY, Call, Desk
from tests.making import make_fact, make_receipt
from tests.web.service import ago, make_caller, make_point, make_transid, receipt, running

SECRET = base64.b64encode(KEY).decode()
NUMBER = "447700900123"
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def url(make_database: Any) -> str:
    return str(make_database())


@pytest.fixture
def desk(call: Call, monkeypatch: pytest.MonkeyPatch, url: str, tmp_path: Path) -> Iterator[Desk]:
    with running(url) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", SECRET)


def record(desk: Desk, transid: str, *, point: Point | None = None, **more: Any) -> None:
    """Record a send, as the application that sends through a point does."""
    ids = [point.id] if point else []
    caller = make_caller(desk.service, domain=desk.domain, point_ids=ids)
    send = {"transid": transid, "channel": "sms", "destinations": [f"+{NUMBER}"], **more}
    caller.record(**{"requested_at": ago(minutes=30), **send})


def why(desk: Desk, name: str, **more: str) -> tuple[int, Any]:
    return desk.json("why", name, "--domain", desk.domain, **more)


def test_what_arrived_is_told_on_one_screen(desk: Desk) -> None:
    transid = make_transid()
    record(desk, transid, correlationid=f"order-{transid}", tag="otp", text="the text")
    desk.service.hook(desk.point, receipt(transid, "Submitted", code="7501"))
    desk.service.hook(desk.point, receipt(transid, "Delivered", code="7500"))

    done = desk.run("why", f"order-{transid}", "--domain", desk.domain)

    assert done.returncode == Exit.WELL
    lines = done.stdout.splitlines()
    assert lines[:2] == ["arrived: Delivered (7500 Delivered)", "it is: nobody"]
    assert len(lines) < 25
    assert transid in done.stdout
    (decisive,) = [line for line in lines if line.startswith("* ")]
    assert "delivered" in decisive
    assert "7500" in decisive
    assert NUMBER not in done.stdout
    assert "the text" not in done.stdout


@pytest.mark.parametrize(
    ("said", "code", "verdict", "blame"),
    [
        pytest.param(
            {"status": "Un-Delivered", "code": "7207"}, Exit.BEYOND, "failed", "handset", id="off"
        ),
        pytest.param(
            {"status": "Un-Delivered", "code": "7201"}, Exit.BEYOND, "failed", "network", id="net"
        ),
        pytest.param(
            {"status": "Failed", "code": "7202"}, Exit.PLATFORM, "failed", "platform", id="platform"
        ),
        pytest.param(
            {"status": "Failed", "code": "7107"}, Exit.SENDER, "failed", "sender", id="too-long"
        ),
        pytest.param(
            {"status": "Wobbled", "code": ""}, Exit.PLATFORM, "unknown", "platform", id="unknown"
        ),
        pytest.param(
            {"status": "Submitted", "code": "7501"}, Exit.OPEN, "under_way", "none", id="open"
        ),
    ],
)
def test_a_receipt_has_its_verdict(
    desk: Desk, said: dict[str, str], code: Exit, verdict: str, blame: str
) -> None:
    transid = make_transid()
    desk.service.hook(desk.point, receipt(transid, said["status"], code=said["code"]))

    ended, told = why(desk, transid)

    assert (ended, told["verdict"]["name"], told["verdict"]["blame"]) == (code, verdict, blame)
    if verdict == "failed":
        assert f"{said['code']} " in told["verdict"]["sentence"]
    assert told["send"]["deliveries"][0]["destination"] == "*********123"


def test_a_refusal_is_told_with_its_code(desk: Desk) -> None:
    request = {"deliverychannel": "sms", "destination": [{"msisdn": [NUMBER]}]}
    answer = {"response": {"code": "7101", "description": "Invalid sender"}}
    posted = desk.caller.post("/sends", json={"request": request, "response": answer, "http": 200})

    ended, told = why(desk, posted.json["id"])

    assert (ended, told["verdict"]["name"]) == (Exit.SENDER, "refused")
    assert "7101 Invalid sender ID" in told["verdict"]["sentence"]


def test_silence_at_a_point_is_the_platform_s(desk: Desk) -> None:
    point, transid = make_point(desk.service, domain=desk.domain), make_transid()
    record(desk, transid, point=point)

    assert verdict_of(why(desk, transid)) == (Exit.PLATFORM, "silent")
    desk.service.hook(point, receipt(make_transid(), "Delivered"))
    assert verdict_of(why(desk, transid)) == (Exit.OPEN, "waiting")
    mark(desk, "deliveries SET overdue = true", transid)
    assert verdict_of(why(desk, transid)) == (Exit.PLATFORM, "no_receipt")
    mark(desk, "sends SET reports_elsewhere = true", transid)
    assert verdict_of(why(desk, transid)) == (Exit.OPEN, "elsewhere")


def test_what_lies_in_quarantine_is_ours(desk: Desk) -> None:
    transid, signing = make_transid(), make_transid()
    record(desk, transid)
    strict = make_point(desk.service, domain=desk.domain, signature="required")
    refused = desk.service.hook(strict, receipt(transid, "Delivered"))
    assert refused.status_code == 401
    desk.service.hook(strict, receipt(signing, "Delivered"))

    recorded, unheard = why(desk, transid), why(desk, signing)

    assert verdict_of(recorded) == verdict_of(unheard) == (Exit.US, "held")
    assert "bad_signature" in recorded[1]["verdict"]["sentence"]
    assert why(desk, refused.json["id"])[0] == Exit.US
    put_aside = ("quarantine", "discard", refused.json["id"], "--domain", desk.domain)
    assert desk.run(*put_aside).returncode == 0
    assert verdict_of(why(desk, transid)) == (Exit.OPEN, "waiting")


def test_what_comes_to_a_disabled_point_is_ours(desk: Desk) -> None:
    point, transid = make_point(desk.service, domain=desk.domain, disabled=True), make_transid()
    record(desk, transid, point=point)

    assert verdict_of(why(desk, transid)) == (Exit.US, "disabled")


def test_what_waits_in_the_spool_is_ours_also_without_the_database(desk: Desk) -> None:
    transid, other = make_transid(), make_transid()
    record(desk, transid)
    body = make_receipt(transid, "Delivered")
    desk.spool(make_fact(body, domain=desk.domain, at=datetime.now(UTC)))

    assert verdict_of(why(desk, transid)) == (Exit.US, "held")
    away = why(desk, transid, DATABASE_URL=NOWHERE)
    assert verdict_of(away) == (Exit.US, "held")
    assert "in the spool (receipt Delivered)" in away[1]["verdict"]["sentence"]
    nothing = why(desk, other, DATABASE_URL=NOWHERE)
    assert verdict_of(nothing) == (Exit.US, "away")
    assert "ledger" in nothing[1]["unseen"][0]
    number = desk.json("why", "--domain", desk.domain, piped=NUMBER, DATABASE_URL=NOWHERE)
    assert verdict_of(number) == (Exit.US, "held")


def test_a_number_comes_on_stdin_and_finds_the_newest(desk: Desk) -> None:
    older, newer = make_transid(), make_transid()
    for transid in (older, newer):
        record(desk, transid, destinations=[f"+{NUMBER}", "+447700900999"])
    desk.service.hook(desk.point, receipt(newer, "Delivered"))
    desk.service.hook(desk.point, receipt(newer, "Failed", destination="447700900999"))

    code, told = desk.json("why", "--domain", desk.domain, piped="07700 900123\n")

    assert (code, told["verdict"]["name"]) == (Exit.WELL, "arrived")
    assert told["send"]["transid"] == newer
    assert [each["verdict"] for each in told["others"]] == ["waiting"]
    screen = desk.run("why", "--domain", desk.domain, piped="07700 900123\n").stdout
    assert NUMBER not in screen
    assert "others that are meant too" in screen


@pytest.mark.parametrize("name", [NUMBER, "+44 7700 900123", "a@example.org"])
def test_a_number_or_address_is_no_argument(desk: Desk, name: str) -> None:
    done = desk.run("why", name)

    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "on stdin" in done.stderr
    assert name not in done.stderr


def test_nothing_on_stdin_is_told(desk: Desk) -> None:
    assert desk.run("why", piped="\n").returncode == Exit.USAGE


def test_what_nobody_knows_is_said(desk: Desk) -> None:
    assert verdict_of(why(desk, make_transid())) == (Exit.NOT_FOUND, "not_found")


def test_clear_shows_numbers_and_is_in_the_audit_log(desk: Desk) -> None:
    transid = make_transid()
    record(desk, transid, text="the text")

    _, told = desk.json("why", transid, "--domain", desk.domain, "--clear")

    assert told["send"]["deliveries"][0]["destination"] == f"+{NUMBER}"
    assert told["send"]["text"] == "the text"
    rows = "SELECT verb, kind, ids, who_kind FROM audit_log WHERE domain = :domain"
    (line,) = desk.service.rows(rows, domain=desk.domain)
    assert line == {
        "verb": "clear.read",
        "kind": "send",
        "ids": [told["send"]["id"]],
        "who_kind": "shell",
    }


def verdict_of(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["verdict"]["name"]


def mark(desk: Desk, change: str, transid: str) -> None:
    with Session(desk.service.engine) as session:
        session.execute(text(f"UPDATE {change} WHERE transid = :transid"), {"transid": transid})
        session.commit()
