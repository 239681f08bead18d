"""`receiver top`: what there is most of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.exits import Exit
from tests.cli.calling import Call, Desk
from tests.web.service import make_transid, receipt, running


@pytest.fixture
def desk(
    call: Call, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> Iterator[Desk]:
    with running(database_url) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", "")


def deliver(desk: Desk, *said: tuple[str, str, str]) -> None:
    for status, code, carrier in said:
        body = receipt(make_transid(), status, code=code)
        body["deliveryInfoNotification"]["carrier"] = carrier
        desk.service.hook(desk.point, body)


def test_what_fails_most_comes_first_and_is_explained(desk: Desk) -> None:
    deliver(desk, *[("Un-Delivered", "7207", "A")] * 2, ("Un-Delivered", "7201", "B"))
    deliver(desk, *[("Delivered", "7500", "A")] * 3)

    code, rows = desk.json("top", "--domain", desk.domain)

    assert code == Exit.WELL
    assert [(row["code"], row["meaning"], row["failure"]) for row in rows] == [
        ("7207", "Out of coverage or not reachable", 2),
        ("7201", "Delivery failed at operator", 1),
        ("7500", "Delivered", 0),
    ]


def test_by_several_from_several_and_of_one_point(desk: Desk) -> None:
    deliver(desk, ("Un-Delivered", "7207", "A"), ("Un-Delivered", "7207", "B"))
    options = ("--domain", desk.domain, "--by", "channel,carrier,point", "--since", "2d")

    _, rows = desk.json("top", *options, "--point", desk.point.code, "--limit", "1")

    (row,) = rows
    assert (row["channel"], row["carrier"], row["point"]) == ("sms", "A", desk.point.code)
    assert (row["deliveries"], row["failing"], row["sends"]) == (1, 1.0, None)


def test_sends_are_counted_where_they_are_told_apart(desk: Desk) -> None:
    desk.caller.record(transid=make_transid(), channel="sms", tag="otp", destinations=["447"])

    _, rows = desk.json("top", "--domain", desk.domain, "--by", "tag", "--order", "sends")

    assert [(row["tag"], row["sends"], row["pending"]) for row in rows] == [("otp", 1, 1)]
    table = desk.run("top", "--domain", desk.domain, "--by", "tag").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["tag", "otp"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--by", "colour"), Exit.USAGE, "name some of status, outcome"),
        (("--by", ","), Exit.USAGE, "name some of"),
        (("--since", "9999d"), Exit.US, "1830 days"),
        (("--point", "none"), Exit.US, "no point none"),
    ],
)
def test_wrong_calls_are_told(desk: Desk, options: Any, code: Exit, said: str) -> None:
    done = desk.run("top", *options)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
