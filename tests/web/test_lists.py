"""Lists of sends: filters, pages, freshness."""

import re
from typing import Any

import pytest

from receiver.store.points import Point
from tests.web.listing import window
from tests.web.service import Caller, Service, make_caller, make_transid, receipt

WINDOW = window()


def transids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["transid"] for item in answer.json["items"]]


def test_the_newest_come_first_and_pages_lose_none(caller: Caller) -> None:
    names = [make_transid() for _ in range(25)]
    for name in names:
        caller.record(transid=name)

    found: list[str] = []
    path = "/sends?limit=10"
    while path:
        answer = caller.get(path)
        found += transids(answer)
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("Link", ""))
        assert (link is None) == (answer.json["next"] is None)
        path = link[1].removeprefix("/api/v1") if link else ""

    assert found == names[::-1]


def test_a_cursor_is_good_for_its_query_only(service: Service, caller: Caller) -> None:
    for _ in range(3):
        caller.record(transid=make_transid(), tag="a")
    cursor = caller.get("/sends?limit=1&tag=a").json["next"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)

    assert len(transids(caller.get(f"/sends?limit=2&tag=a&cursor={cursor}"))) == 2
    other = make_caller(service, domain="elsewhere")
    for answer in (
        caller.get(f"/sends?cursor={cursor}"),
        caller.get(f"/sends?tag=b&cursor={cursor}"),
        caller.get(f"/messages?cursor={cursor}"),
        other.get(f"/sends?tag=a&cursor={cursor}"),
    ):
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["cursor"])


def test_an_item_has_every_field(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Delivered"))
    recorded = caller.record(transid=transid, tag="otp", sender="DEMOBK", correlationid="c")

    [item] = caller.get("/sends").json["items"]

    assert item == {
        "id": recorded["id"],
        "transid": transid,
        "correlationid": "c",
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "sender": "DEMOBK",
        "tag": "otp",
        "state": "accepted",
        "recorded": True,
        "requested_at": None,
        "accepted_at": item["accepted_at"],
        "summary": {"deliveries": 1, "pending": 0, "success": 1, "failure": 0, "complaint": 0},
    }


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    one, two, orphan = (make_transid() for _ in range(3))
    caller.record(
        transid=one,
        correlationid="c-1",
        tag="a",
        channel="sms",
        sender="DEMOBK",
        destinations=[{"value": "447700900123", "correlationid": "inner"}],
    )
    caller.record(
        transid=two,
        correlationid="c-2",
        tag="b",
        channel="E-Mail",
        sender="+447700900555",
        destinations=["x@y"],
    )
    service.hook(point, receipt(orphan, "Delivered", destination="447700900124"))

    for query, found in {
        f"transid={one}": [one],
        f"transid={one}_0": [one],
        "correlationid=c-1": [one],
        "correlationid=inner": [one],
        "tag=b": [two],
        f"channel=SMS&{WINDOW}": [orphan, one],
        f"channel=email&{WINDOW}": [two],
        f"channel=email&channel=SMS&{WINDOW}": [orphan, two, one],
        "tag=b&tag=a&correlationid=c-1": [one],
        f"tag=b&tag=a&{WINDOW}": [two, one],
        f"transid={one}&transid={orphan}": [orphan, one],
        f"transid={one},{orphan}": [],
        f"sender=demobk&{WINDOW}": [],
        f"sender=DEMOBK&{WINDOW}": [one],
        f"sender=%2B44+7700+900555&{WINDOW}": [two],
        f"point={point.code}&{WINDOW}": [orphan],
        f"point={str(point.id).upper()}&{WINDOW}": [orphan],
        f"state=unrecorded&{WINDOW}": [orphan],
        f"state=accepted,unrecorded&state=refused&{WINDOW}": [orphan, two, one],
        f"recorded=true&{WINDOW}": [two, one],
        f"recorded=false&{WINDOW}": [orphan],
        "destination=%2B44+7700+900123": [one],
        "destination=00447700900124": [orphan],
        "destination=x@y": [two],
        "destination=x@y&tag=a": [],
        "transid=unknown": [],
        "since=2020-01-01T00:00:00Z": [orphan, two, one],
        "since=2020-01-01T00:00:00+01:00": [orphan, two, one],
        "until=2020-01-01T00:00:00Z": [],
    }.items():
        assert transids(caller.get(f"/sends?{query}")) == found, query


def test_an_orphan_keeps_its_place_when_its_send_shows_up(
    service: Service, caller: Caller, point: Point
) -> None:
    orphan, later = make_transid(), make_transid()
    service.hook(point, receipt(orphan, "Delivered"))
    caller.record(transid=later)
    before = caller.get("/sends").json["items"]
    caller.record(transid=orphan)
    after = caller.get("/sends").json["items"]

    assert [item["state"] for item in before] == ["accepted", "unrecorded"]
    assert [item["transid"] for item in after] == [later, orphan]


def test_an_answer_is_304_until_it_changes(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    caller.record(transid=transid)
    for path in ("/sends", f"/sends/{transid}"):
        first = caller.get(path)
        tag = {"If-None-Match": first.headers["ETag"]}

        assert first.headers["Cache-Control"] == "private, no-cache"
        assert first.headers["Receiver-Ledger"] == "complete=true; spooled=0; oldest=0"
        again = caller.get(path, headers=tag)
        assert (again.status_code, again.data) == (304, b"")
        service.hook(point, receipt(transid, "Delivered", code=path[:9]))
        assert caller.get(path).headers["ETag"] != tag["If-None-Match"]


@pytest.mark.parametrize("path", ["/sends/", "/messages/"])
def test_a_trailing_slash_is_the_same_list(caller: Caller, path: str) -> None:
    assert caller.get(path).json == {"items": [], "next": None}
