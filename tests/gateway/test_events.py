"""Events and app profiles through the gateway, and what the platform tells of them later."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import EVENTS, PROFILES, Client
from tests.gateway.test_messaging import refused
from tests.gateway.upstream import Upstream, entry, says
from tests.web.service import ago, make_transid

PAYLOADS = Path(__file__).parents[1] / "payloads"
STATUS = "/resources/v2/profile/status/"


def sample(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def record(customer: str) -> dict[str, Any]:
    return {"customerId": customer, "Attributes": {"psid": "1", "ours": "unknown to anybody"}}


def result(transid: str, *codes: str, **more: Any) -> dict[str, Any]:
    """What the platform tells of profiles."""
    results = [
        {"customerId": f"c-{place}", "code": code, "description": "said"}
        for place, code in enumerate(codes)
    ]
    failures = sum(code != "1000" for code in codes)
    return {
        "TotalCount": len(codes),
        "SuccessCount": len(codes) - failures,
        "FailureCount": failures,
        "code": "1002" if failures else "1000",
        "description": "Partial success" if failures else "SUCCESS",
        "Results": results,
        "transid": transid,
        **more,
    }


def test_an_event_is_forwarded_and_recorded(client: Client, platform: Upstream) -> None:
    answer = sample("eventapi_event_response-seed-object")
    platform.way = says(answer)
    asked = sample("eventapi_event_request-single")

    assert client.send(asked, path=EVENTS).json == answer

    assert platform.last.path == EVENTS
    assert platform.last.json == {**asked, "notifyurl": client.hook_url}
    sent = client.caller.send(answer["response"]["transid"])
    assert (sent["channel"], sent["state"], sent["answer"]["code"]) == ("event", "accepted", "1002")
    assert (sent["correlationid"], sent["metadata"]) == ("ABC123", {"evtid": "4451"})
    assert sent["notify_url"] == "https://example.com/notify"
    assert sent["summary"]["deliveries"] == 0


def test_several_events_are_a_send_each(client: Client, platform: Upstream) -> None:
    platform.way = says({"response": [entry("e-1", "1002"), entry("e-2", "7025")]})

    client.send(sample("eventapi_event_request-multi"), path=EVENTS)

    found = {send["transid"]: send for send in client.sends(channel="event", transid="e-1")}
    assert found["e-1"]["correlationid"] == "ABC123"
    assert [client.caller.send(name)["state"] for name in ("e-1", "e-2")] == ["accepted", "refused"]


@pytest.mark.parametrize("raw", [b"<events/>", b" \n<?xml version='1.0'?><a/>"])
def test_xml_is_refused_as_such(client: Client, platform: Upstream, raw: bytes) -> None:
    refused(client.send(raw, path=EVENTS, Content_Type="application/xml"), "7027")
    refused(client.send(raw), "7000")
    assert platform.asked == []


def test_what_becomes_of_an_event_is_in_its_timeline(client: Client, platform: Upstream) -> None:
    transid = make_transid()
    platform.way = says({"response": entry(transid, "1002", correlationid="order-17")})
    client.send({"events": [{"evtid": "1", "correlationid": "order-17"}]}, path=EVENTS)
    point = client.point
    hook = client.caller.service.hook

    by_transid = {"transid": transid, "code": "1000", "description": "Executed"}
    assert hook(point, {"response": by_transid}).json["kind"] == "event"
    hook(point, {"correlationid": "order-17", "status": "done", "code": "7004"})
    hook(point, {"correlationid": "order-18", "code": "1000"})

    timeline = client.caller.send(transid)["timeline"]
    assert [(each["kind"], each["code"]) for each in timeline] == [
        ("request", None),
        ("answer", "1002"),
        ("event", "1000"),
        ("event", "7004"),
    ]
    assert timeline[2]["description"] == "Executed"
    listed = client.caller.get("/events", query_string={"transid": transid}).json["items"]
    assert [each["kind"] for each in listed] == ["event"]


def test_a_destinations_correlationid_links_too(client: Client, platform: Upstream) -> None:
    platform.way = says({"response": [entry("dest-1")]})
    to = [{"msisdn": ["447700900123"], "correlationid": "guest-1"}]
    client.send({"deliverychannel": "sms", "channels": {"sms": {"text": "x"}}, "destination": to})

    client.caller.service.hook(client.point, {"correlationid": "guest-1", "code": "1000"})

    assert client.caller.send("dest-1")["timeline"][-1]["kind"] == "event"


def test_profiles_need_their_own_key(client: Client, platform: Upstream) -> None:
    answer = sample("profileapi_profile_create-response-old")
    platform.way = says(answer)
    raw = json.dumps({"Records": [record("8955"), record("8956")]}).encode()

    assert client.send(raw, path=PROFILES).json == answer

    assert platform.last.headers["key"] == "profile-key"
    assert (platform.last.path, platform.last.body) == (PROFILES, raw)
    sent = client.caller.send(answer["response"]["transid"])
    assert (sent["channel"], sent["state"]) == ("profile", "accepted")
    assert sent["metadata"] == {"appid": "app-1", "customers": ["8955", "8956"]}


def test_both_names_of_the_header_are_taken(client: Client, platform: Upstream) -> None:
    platform.way = says(sample("profileapi_profile_create-response-old"))

    answer = client.caller.service.client.post(
        PROFILES, json={"records": [record("1")]}, headers={"secretKey": client.caller.secret}
    )

    assert answer.status_code == 200
    assert platform.last.headers["secretkey"] == "profile-key"
    assert "key" not in platform.last.headers


def test_each_records_result_is_kept(client: Client, platform: Upstream) -> None:
    transid = make_transid()
    platform.way = says(result(transid, "1000", "1000", description="QUEUED"), http=202)
    client.send({"Records": [record("c-0"), record("c-1")]}, path=PROFILES)
    platform.way = says(result(transid, "1000", "7015"))
    for _ in range(2):
        assert client.ask(STATUS + transid).json["code"] == "1002"
    taken = client.caller.service.hook(client.point, result(transid, "1000", "1000", tid="n-1"))

    assert taken.json["kind"] == "profile"
    timeline = client.caller.send(transid)["timeline"]
    assert [(each["kind"], each["code"], each["source"]) for each in timeline] == [
        ("request", None, "gateway"),
        ("answer", "1000", "gateway"),
        ("profile", "1000", "gateway"),
        ("profile", "1002", "gateway"),
        ("profile", "1000", "hook"),
    ]
    listed = client.caller.get("/profiles", query_string={"transid": transid}).json["items"]
    assert [(each["code"], each["success"], each["failure"]) for each in listed] == [
        ("1000", 2, 0),
        ("1002", 1, 1),
        ("1000", 2, 0),
    ]
    assert listed[1]["results"][1] == {"customerid": "c-1", "code": "7015", "description": "said"}
    assert [each["appid"] for each in listed] == ["", "", "app-1"]
    by_kind = client.caller.get("/events", query_string={"transid": transid, "kind": "profile"})
    assert len(by_kind.json["items"]) == 3


def test_results_are_listed_by_application_and_time(client: Client, platform: Upstream) -> None:
    platform.way = says(result("p-1", "1000"))
    client.send({"Records": [record("c-0")]}, path=PROFILES)
    window = {"since": ago(days=1), "until": ago(days=-1)}

    asked = client.caller.get("/profiles", query_string={"appid": "app-1", **window})
    unbounded = client.caller.get("/profiles")

    assert len(asked.json["items"]) == 1
    assert unbounded.status_code == 400
    assert set(unbounded.json["errors"]) == {"since", "until"}


def test_a_status_that_is_not_known_yet_tells_nothing(client: Client, platform: Upstream) -> None:
    answer = {"code": "7600", "description": "no result found", "transid": "p-2"}
    platform.way = says(answer)

    assert client.ask(f"{STATUS}p-2").json == answer
    assert client.caller.get("/profiles", query_string={"transid": "p-2"}).json["items"] == []


def test_a_status_that_fails_fails_as_flat_as_it_succeeds(
    client: Client, platform: Upstream
) -> None:
    platform.way = says(b"<html>")

    answer = client.ask(f"{STATUS}p-3")

    assert (answer.status_code, answer.json["code"]) == (502, "7006")
