"""Every documented code by a documented request, with its text and in its envelope."""

import re
from typing import Any

import pytest

from receiver.sandbox.fates import APPS, CUSTOMERS, FATES
from receiver.sandbox.fates import EVENTS as EVTIDS
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY
from tests.sandbox.playing import EVENTS, MESSAGING, PROFILES, Played, make_request, until

PAST = "2015-04-12T18:51:19"
#: One body of each kind that is taken.
GOOD = {
    MESSAGING: make_request(),
    EVENTS: {"events": [{"evtid": "4451", "correlationid": "ABC123"}]},
    f"{PROFILES}/77": {"Records": [{"customerId": "1", "Attributes": {"nick": "n"}}]},
}
KEYS = {MESSAGING: SERVICE_KEY, EVENTS: SERVICE_KEY, f"{PROFILES}/77": PROFILE_KEY}


def number(code: str) -> str:
    return next(fate.number for fate in FATES if fate.code == code)


def event(evtid: str, **more: Any) -> dict[str, Any]:
    return {"events": [{"evtid": evtid, "correlationid": "890789"}], **more}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    ("key", "code", "text"),
    [
        pytest.param(None, "7002", "Service Key Missing", id="none"),
        pytest.param("wrong", "7001", "Authentication failed", id="wrong"),
    ],
)
def test_keys(path: str, key: str | None, code: str, text: str, sandbox: Played) -> None:
    (answer,) = sandbox.post(path, GOOD[path], key=key).values()

    assert answer["code"] == code
    assert answer["description"].lower() == text.lower()
    assert re.fullmatch("[0-9a-f-]{36}", answer["transid"])


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param("", "line 1 column 1: expected a value", id="empty"),
        pytest.param(
            '{"a": 1,\n}', "line 2 column 1: expected a name in double quotes", id="comma"
        ),
        pytest.param('{"a": "b\tc"}', "line 1 column 9: ", id="raw-tab"),
        pytest.param('{"a": NaN}', "NaN is no number of JSON's", id="nan"),
        pytest.param(b'{"a": "\xff"}', "the body is no UTF-8", id="latin-1"),
        pytest.param("[" * 100_000, "the body is nested too deeply", id="deep"),
    ],
)
def test_what_is_no_json_is_told_where(path: str, body: Any, said: str, sandbox: Played) -> None:
    answer = sandbox.post(path, body, key=KEYS[path])["response"]

    assert answer["code"] == "7000"
    assert answer["description"].startswith(f"Invalid JSON: {said}")


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        pytest.param({"destination": []}, "7003", "param 'destination' missing", id="none"),
        pytest.param(
            {"destination": [{"correlationid": "x"}]},
            "7003",
            "any one of [customerid,msisdn,email,",
            id="no-address",
        ),
        pytest.param({"channels": {}}, "7003", "param 'text' missing for channel sms", id="text"),
        pytest.param(
            {"channels": {}, "deliverychannel": ""}, "7003", "'deliverychannel'", id="channel"
        ),
        pytest.param({"channels": ""}, "7003", "param 'channels' missing", id="empty-is-absent"),
        pytest.param({"destination": [{"msisdn": "447"}]}, "7004", "param msisdn", id="no-list"),
        pytest.param({"priority": "4"}, "7004", "invalid value for param priority", id="priority"),
        pytest.param({"route": "fast"}, "7004", "invalid value for param route", id="route"),
        pytest.param({"expiry": "tomorrow"}, "7004", "param expiry", id="expiry"),
        pytest.param({"correlationid": "é" * 26}, "7004", "param correlationid", id="bytes"),
        pytest.param({"callbackData": "x" * 2001}, "7004", "param callbackdata", id="callback"),
        pytest.param({"channels": {"sms": {"text": "x" * 1025}}}, "7004", "param text", id="long"),
        pytest.param({"channels": {"sms": "x"}}, "7004", "param sms", id="content"),
        pytest.param({"notifyurl": 5}, "7004", "param notifyurl", id="url"),
        pytest.param({"message": {"x": 1}}, "7003", "param 'template' missing", id="template"),
    ],
)
def test_faults_of_one_message_stand_beside_what_is_taken(
    body: dict[str, Any], code: str, text: str, sandbox: Played
) -> None:
    bad, good = sandbox.post(
        MESSAGING, [{**make_request(), "correlationid": "a", **body}, make_request()]
    )["response"]

    assert bad["code"] == code
    assert text in bad["description"]
    assert good["code"] == "1001"
    assert good["transid"] == f"{bad['transid']}_1"


@pytest.mark.parametrize("body", [5, '"x"', None, [], [5], {}])
def test_what_is_no_request_is_refused_as_one(body: Any, sandbox: Played) -> None:
    (answer,) = sandbox.post(MESSAGING, body)["response"]

    assert answer["code"] in {"7003", "7004"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("7006", "Internal error occurred"),
        ("7007", "Service inactive"),
        ("7010", "Source IP is not white listed"),
        ("7020", "You have reached maximum transaction limit (rate)."),
    ],
)
def test_a_magic_destination_refuses_the_whole(code: str, text: str, sandbox: Played) -> None:
    answer = sandbox.post(MESSAGING, [make_request(), make_request(number(code))])["response"]

    assert (answer["code"], answer["description"]) == (code, text)
    assert answer["transid"].endswith("_1")
    assert sandbox.get("/sandbox/book", transid=answer["transid"][:-2])["items"] == []


def test_an_expiry_counts_for_its_magic_destination_alone(sandbox: Played) -> None:
    late = make_request(number("7005"), expiry=PAST)

    (refused,) = sandbox.post(MESSAGING, late)["response"]

    assert (refused["code"], refused["description"]) == ("7005", "Request expired")
    assert sandbox.send(expiry=PAST)
    assert sandbox.send(number("7005"), expiry="2999-01-01T00:00:00")


def test_a_thousand_destinations_are_taken_and_no_more(sandbox: Played) -> None:
    numbers = [f"4477001{index:05}" for index in range(1001)]

    many = sandbox.post(MESSAGING, make_request(*numbers))["response"]
    halves = [make_request(*numbers[:500]), make_request(*numbers[500:])]
    together = sandbox.post(MESSAGING, halves)["response"]
    (fits,) = sandbox.post(MESSAGING, make_request(*numbers[1:], notifyurl="no"))["response"]

    assert many["code"] == together["code"] == "7009"
    assert fits["code"] == "1001"


def test_a_body_over_the_cap(sandbox: Played) -> None:
    answer = sandbox.post(MESSAGING, b" " * (8 * 1024 * 1024 + 1))["response"]

    assert answer["code"] == "7022"


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        pytest.param({}, "7003", "Mandatory parameter 'events' missing", id="none"),
        pytest.param({"events": []}, "7004", "'events' array shouldn't be empty", id="empty"),
        pytest.param({"events": "x"}, "7004", "invalid value for param events", id="no-list"),
        pytest.param(event("sandbox-7005"), "7005", "Internal error occurred", id="7005"),
        pytest.param(event("sandbox-7010"), "7010", "Source IP is not allowlisted", id="7010"),
        pytest.param(
            event("sandbox-7020"), "7020", "You have reached maximum transaction limit", id="7020"
        ),
        pytest.param("<event/>", "7027", "Invalid XML", id="7027"),
    ],
)
def test_what_refuses_all_events_is_an_object(
    body: Any, code: str, text: str, sandbox: Played
) -> None:
    answer = sandbox.post(EVENTS, body)["response"]

    assert answer["code"] == code
    assert answer["description"].startswith(text)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        pytest.param({"events": [{}]}, "7003", "param 'evtid' missing", id="no-evtid"),
        pytest.param(event(5), "7004", "invalid value for param evtid", id="number"),  # type: ignore[arg-type]
        pytest.param({"events": [5]}, "7004", "invalid value for param request", id="no-object"),
        pytest.param(event("sandbox-7004"), "7004", "invalid value for param evtid", id="7004"),
        pytest.param(event("sandbox-7025"), "7025", "mandatory parameter name missing", id="7025"),
        pytest.param(event("sandbox-7019", expiry=PAST), "7019", "Request expired", id="7019"),
    ],
)
def test_faults_of_one_event_are_in_a_list(
    body: Any, code: str, text: str, sandbox: Played
) -> None:
    (answer,) = sandbox.post(EVENTS, body)["response"]

    assert (answer["code"], answer["description"]) == (code, text)


def test_an_event_with_what_it_needs_is_taken(sandbox: Played) -> None:
    named = {"evtid": "sandbox-7025", "correlationid": "c", "parameters": {"name": "x"}}

    answer = sandbox.post(EVENTS, {"events": [named]})["response"]

    assert answer["code"] == "1002"
    assert sandbox.post(EVENTS, event("sandbox-7019"))["response"]["code"] == "1002"
    (line,) = sandbox.lines(answer["transid"], "event")
    assert (line["outcome"], line["correlationid"]) == ("taken", "c")


@pytest.mark.parametrize(
    ("app", "body", "code", "text"),
    [
        pytest.param("77", {}, "7003", "param 'records' missing", id="no-records"),
        pytest.param("77", {"Records": []}, "7003", "param 'records' missing", id="empty"),
        pytest.param("77", {"Records": [{}]}, "7003", "missing", id="no-customer"),
        pytest.param("77", {"Records": "x"}, "7004", "param records", id="no-list"),
        pytest.param(
            "77",
            {"Records": [{"customerid": "1", "attributes": {"nick": ["n"]}}]},
            "7011",
            "Invalid Attribute Value: nick",
            id="7011",
        ),
        pytest.param("sandbox-7006", None, "7006", "Internal error occurred", id="7006"),
        pytest.param("sandbox-7010", None, "7010", "Source IP is not white listed", id="7010"),
        pytest.param(
            "sandbox-7018",
            None,
            "7018",
            "invalid app profile or app profile is not linked to this client",
            id="7018",
        ),
    ],
)
def test_refused_profiles(app: str, body: Any, code: str, text: str, sandbox: Played) -> None:
    said = GOOD[f"{PROFILES}/77"] if body is None else body
    answer = sandbox.post(f"{PROFILES}/{app}", said, key=PROFILE_KEY)["response"]

    assert answer["code"] == code
    assert text in answer["description"]


def test_profiles_of_a_newer_platform(sandbox: Played) -> None:
    answer = sandbox.profile("1", "2", app="sandbox-1000")

    assert (answer["code"], answer["description"], answer["TotalCount"]) == ("1000", "QUEUED", 2)
    assert answer["Results"][1] == {"customerId": "2", "code": "1000", "description": "QUEUED"}


def test_a_customer_that_exists_makes_the_success_partial(sandbox: Played) -> None:
    transid = sandbox.profile("1", "sandbox-7015")["response"]["transid"]

    done = until(
        lambda: sandbox.get(f"/resources/v2/profile/status/{transid}", key=PROFILE_KEY),
        lambda said: said["code"] != "7600",
    )

    assert (done["code"], done["description"]) == ("1002", "Partial success")
    assert (done["SuccessCount"], done["FailureCount"]) == (1, 1)
    assert done["Results"][1]["code"] == "7015"
    (line,) = sandbox.lines(transid, "profile")
    assert line["outcome"] == "taken"


@pytest.mark.parametrize("path", ["/resources/v1/messaging/status", "/resources/v2/profile/status"])
def test_what_is_not_known_has_no_status(path: str, sandbox: Played) -> None:
    key = PROFILE_KEY if "profile" in path else SERVICE_KEY
    answer = sandbox.get(f"{path}/6afccdfe-6277-5a03-a696-25c0b530addb", key=key)
    answer = answer.get("response", answer)

    assert (answer["code"], answer["description"]) == ("7600", "No result found")


def test_profiles_that_stay_queued(sandbox: Played) -> None:
    transid = sandbox.profile("1", app="sandbox-silent")["response"]["transid"]

    answer = sandbox.get(f"/resources/v2/profile/status/{transid}", key=PROFILE_KEY)

    assert answer["code"] == "7600"


def test_keys_of_the_tables_are_distinct() -> None:
    for keys in (
        [fate.name for fate in FATES],
        [fate.digits for fate in FATES],
        *([row.key for row in table] for table in (EVTIDS, APPS, CUSTOMERS)),
    ):
        assert len(set(keys)) == len(keys)
