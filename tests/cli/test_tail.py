"""`receiver tail`: what changes, as it does."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.cli.exits import Exit
from tests.cli.calling import Call, Desk
from tests.cli.processes import running as process
from tests.web.service import make_point, make_transid, message, receipt, running

NUMBER = "447700900123"


@pytest.fixture
def desk(
    call: Call, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> Iterator[Desk]:
    with running(database_url) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", "")


def test_what_came_is_told_from_the_start_and_masked(desk: Desk) -> None:
    first, second = make_transid(), make_transid()
    other = make_point(desk.service, domain=desk.domain)
    desk.service.hook(desk.point, receipt(first, "Delivered", code="7500"))
    desk.service.hook(other, receipt(second, "Delivered", code="7500"))
    desk.service.hook(desk.point, message(text="private words"))
    options = ("--domain", desk.domain, "--start", "--point", desk.point.code)

    done = desk.run("tail", *options, "--lines", "2")
    as_json = desk.run("tail", *options, "--lines", "1", "--json", "--kind", "message")

    assert (done.returncode, done.stderr) == (Exit.WELL, "")
    delivery, mo = done.stdout.splitlines()
    assert [part in delivery for part in (first, "delivered", "7500", "*********123")] == [True] * 4
    assert mo.split()[1:3] == ["message", "sms"]
    told = json.loads(as_json.stdout)
    assert (told["kind"], told["data"]["text"]) == ("message", "***")
    for said in (done.stdout, as_json.stdout):
        assert NUMBER not in said
        assert "private words" not in said
        assert second not in said


def test_it_follows_until_it_is_asked_to_stop(desk: Desk, var: Path) -> None:
    arguments = ("tail", "--domain", desk.domain)
    with process(*arguments, var=var, DATABASE_URL=desk.service.url) as followed:
        stop = threading.Event()

        def keep_sending() -> None:
            while not stop.wait(0.2):
                desk.service.hook(desk.point, receipt(make_transid(), "Delivered"))

        sender = threading.Thread(target=keep_sending)
        sender.start()
        try:
            followed.wait_for("  delivery  ")
        finally:
            stop.set()
            sender.join()
        assert followed.stop(signal.SIGINT) == Exit.WELL
        assert "Traceback" not in followed.output


def test_a_point_that_is_none_is_told(desk: Desk) -> None:
    done = desk.run("tail", "--point", "none")

    assert (done.returncode, "no point none" in done.stderr) == (Exit.US, True)
