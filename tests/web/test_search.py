"""Sends by a list of their names, and sought without numbers in URLs."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiver.store.points import Point
from tests.web.listing import items
from tests.web.service import Caller, Service, make_caller, make_transid, receipt, running

NUMBER = "447700900123"


def transids(answer: Any) -> list[str]:
    return [item["transid"] for item in items(answer)]


def test_each_transid_finds_its_send_in_the_order_asked(
    service: Service, caller: Caller, point: Point
) -> None:
    recorded, orphan, family = (make_transid() for _ in range(3))
    caller.record(transid=recorded, tag="a", destinations=[NUMBER])
    service.hook(point, receipt(orphan, "Delivered"))
    caller.record(transid=family, destinations=[NUMBER])
    service.hook(point, receipt(f"{family}_1", "Delivered", destination=NUMBER))
    asked = ["none", orphan, f"{recorded}_0", recorded, "", f"{family}_1", f"{family}_2"]

    answer = caller.post("/sends/lookup", json={"transids": [name or "x" for name in asked]})

    found = [item and item["transid"] for item in items(answer)]
    assert found == [None, orphan, recorded, recorded, None, family, None]
    listed = {item["transid"]: item for item in items(caller.get("/sends"))}
    assert items(answer)[1] == listed[orphan]
    assert items(answer)[3] == listed[recorded]
    assert answer.headers["Receiver-Ledger"].startswith("complete=true")


def test_nobody_looks_up_what_is_another_domains(service: Service, caller: Caller) -> None:
    transid = caller.record(transid=make_transid())["transid"]
    stranger = make_caller(service, domain="elsewhere")

    answer = stranger.post("/sends/lookup", json={"transids": [transid]})
    assert answer.json == {"items": [None]}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param({}, "transids", id="nothing"),
        pytest.param({"transids": []}, "transids", id="none"),
        pytest.param({"transids": ["x"] * 1001}, "transids", id="1001"),
        pytest.param({"transids": "x"}, "transids", id="a text"),
        pytest.param({"transids": ["x", 7]}, "transids.1", id="a number"),
        pytest.param({"transids": ["x"], "more": 1}, "more", id="unknown field"),
        pytest.param([], "body", id="a list"),
    ],
)
def test_a_bad_look_up_is_named(caller: Caller, body: Any, name: str) -> None:
    answer = caller.post("/sends/lookup", json=body)

    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])


def test_a_search_finds_what_the_list_holds_page_by_page(caller: Caller) -> None:
    there = [make_transid() for _ in range(5)]
    for transid in there:
        caller.record(transid=transid, destinations=[NUMBER], tag="a")
    caller.record(transid=make_transid(), destinations=["447700900999"])
    asked: dict[str, Any] = {"destination": "+44 7700 900123", "tag": ["a", "b"], "limit": 2}
    seen: list[str] = []

    while "cursor" not in asked or asked["cursor"]:
        answer = caller.post("/sends/search", json=asked)
        seen += transids(answer)
        asked["cursor"] = answer.json["next"]

    assert seen == there[::-1]
    assert transids(caller.get(f"/sends?destination={NUMBER}")) == seen
    assert answer.headers["Receiver-Ledger"].startswith("complete=true")
    assert "Link" not in answer.headers


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"tag": []}, "tag"),
        ({"tag": [1]}, "tag"),
        ({"tag": None}, "tag"),
        ({"state": "gone"}, "state"),
        ({"state": ["accepted", 7]}, "state"),
        ({"recorded": 1}, "recorded"),
        ({"channel": "sms"}, "since"),
        ({"cursor": "x"}, "cursor"),
        ({"status": "delivered"}, "status"),
        ([], "body"),
    ],
)
def test_a_bad_search_is_named(caller: Caller, body: Any, name: str) -> None:
    answer = caller.post("/sends/search", json=body)

    assert (answer.status_code, name in answer.json["errors"]) == (400, True)


def test_what_stands_in_the_url_of_a_search_is_no_secret_failure(caller: Caller) -> None:
    answer = caller.post("/sends/search?tag=otp", json={})

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["tag"])


@pytest.fixture(scope="module")
def british(service: Service) -> Iterator[Caller]:
    """A caller of a service that reads numbers in the United Kingdom."""
    with running(service.url, region="GB") as other:
        yield make_caller(other, domain="numbers")


@pytest.mark.parametrize(
    "spelling", [NUMBER, "+44 7700 900123", "0044 7700 900123", "07700900123", "(07700) 900-123"]
)
def test_a_number_is_found_in_every_spelling(british: Caller, spelling: str) -> None:
    transid = british.record(transid=make_transid(), destinations=[NUMBER], sender=NUMBER)[
        "transid"
    ]

    for answer in (
        british.get("/sends", query_string={"destination": spelling}),
        british.get("/deliveries", query_string={"destination": spelling}),
        british.post("/sends/search", json={"destination": [spelling]}),
        british.get("/sends", query_string={"transid": transid, "sender": spelling}),
    ):
        assert transids(answer)[0] == transid


def test_digits_are_also_sought_as_they_stand(british: Caller) -> None:
    transid = british.record(transid=make_transid(), destinations=["07700900124"])["transid"]

    assert transids(british.get("/sends?destination=07700900124")) == [transid]
    assert transids(british.get("/sends?destination=447700900124")) == []


def test_without_a_region_a_national_number_is_sought_as_it_stands(caller: Caller) -> None:
    caller.record(transid=make_transid(), destinations=[NUMBER])

    assert transids(caller.get("/sends?destination=07700900123")) == []
