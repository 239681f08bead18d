"""Bad input to our own API: refused, the field named, nothing half-stored."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.service import Caller, Service, make_transid

MEBIBYTE = 1024 * 1024
DEEP: Any = {}
for _ in range(40):
    DEEP = {"a": DEEP}

FAULTS = [
    pytest.param("unknown", 1, "unknown", id="unknown field"),
    pytest.param("transid", 7, "transid", id="a number for a text"),
    pytest.param("transid", None, "transid", id="null"),
    pytest.param("transid", "", "transid", id="empty"),
    pytest.param("transid", "  ", "transid", id="blank"),
    pytest.param("transid", "x" * 201, "transid", id="too long"),
    pytest.param("transid", "a\nb", "transid", id="two lines"),
    pytest.param("transid", "a\0b", "transid", id="NUL"),
    pytest.param("transid", "a\ud800b", "transid", id="half a pair"),
    pytest.param("transid", "registered:x", "transid", id="a name of ours"),
    pytest.param("correlationid", "x" * 51, "correlationid", id="over 50 characters"),
    pytest.param("correlationid", "é" * 26, "correlationid", id="over 50 bytes"),
    pytest.param("correlationid", True, "correlationid", id="a flag"),
    pytest.param("channel", ["sms"], "channel", id="a list for a text"),
    pytest.param("channel", "x" * 51, "channel", id="a long channel"),
    pytest.param("sender", {}, "sender", id="an object for a text"),
    pytest.param("sender", "x" * 201, "sender", id="a long sender"),
    pytest.param("destinations", "447700900123", "destinations", id="no list"),
    pytest.param("destinations", [], "destinations", id="nobody"),
    pytest.param("destinations", ["4"] * 1001, "destinations", id="1001 recipients"),
    pytest.param("destinations", [7], "destinations.0", id="a number as recipient"),
    pytest.param("destinations", ["a", ""], "destinations.1", id="an empty recipient"),
    pytest.param("destinations", [{}], "destinations.0.value", id="no value"),
    pytest.param("destinations", [{"value": 4}], "destinations.0.value", id="a number inside"),
    pytest.param(
        "destinations", [{"value": "4", "x": 1}], "destinations.0.x", id="unknown field inside"
    ),
    pytest.param(
        "destinations",
        [{"value": "4", "correlationid": "x" * 51}],
        "destinations.0.correlationid",
        id="a long correlationid inside",
    ),
    pytest.param("text", "x" * 100_001, "text", id="a long text"),
    pytest.param("text", "a\0", "text", id="NUL in a text"),
    pytest.param("text", "", "text", id="an empty text"),
    pytest.param("callback_data", "x" * 2001, "callback_data", id="long callback data"),
    pytest.param("requested_at", "2026-07-20T17:13:17", "requested_at", id="no zone"),
    pytest.param("requested_at", 1_700_000_000, "requested_at", id="a number for a time"),
    pytest.param("requested_at", "2026-02-30T00:00:00Z", "requested_at", id="no such day"),
    pytest.param("expires_at", "0001-01-01T00:00:00+14:00", "expires_at", id="before any time"),
    pytest.param("expires_at", "tomorrow", "expires_at", id="no time"),
    pytest.param("tag", "x" * 101, "tag", id="a long tag"),
    pytest.param("tag", 1.5, "tag", id="a real number for a text"),
    pytest.param("metadata", [], "metadata", id="a list for an object"),
    pytest.param("metadata", {"a": "x" * 17_000}, "metadata", id="much metadata"),
    pytest.param("metadata", {"a": ["\0"]}, "metadata", id="NUL deep inside"),
    pytest.param("metadata", {"\ud800": 1}, "metadata", id="half a pair in a key"),
    pytest.param("metadata", {"a": 10**200}, "metadata", id="a number without end"),
    pytest.param("metadata", DEEP, "metadata", id="deep metadata"),
]


def assert_problem(answer: Any, status: int, field: str) -> None:
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["status"] == status
    assert field in problem["errors"], problem
    assert all(isinstance(fault, str) for fault in problem["errors"][field])


@pytest.mark.parametrize(("name", "value", "path"), FAULTS)
def test_a_bad_field_is_named_and_nothing_stored(
    service: Service, caller: Caller, name: str, value: Any, path: str
) -> None:
    transid = make_transid()
    send = {"transid": transid, "destinations": ["447700900123"], name: value}

    alone = caller.post("/sends", json=send)
    among = caller.post("/sends", json=[{"transid": f"{transid}-good"}, send])

    assert_problem(alone, 400, path)
    assert [each["status"] for each in among.json["results"]] == [201, 400]
    assert path in among.json["results"][1]["errors"]
    stored = service.rows(
        "SELECT transid FROM recordings WHERE domain = :domain", domain=caller.domain
    )
    assert [row["transid"] for row in stored] == [f"{transid}-good"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"not json", id="words"),
        pytest.param(b"\xff\xff", id="no UTF-8"),
        pytest.param(b'{"transid": NaN}', id="NaN"),
        pytest.param(b'{"transid": 1e999}', id="infinite"),
        pytest.param(b'{"transid": ' + b"9" * 5000 + b"}", id="digits"),
        pytest.param(b"[" * 100_000, id="nested"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="no sends"),
        pytest.param(json.dumps([{"transid": "t"}] * 1001).encode(), id="1001 sends"),
        pytest.param(gzip.compress(b"{}")[:-4], id="broken gzip"),
    ],
)
def test_a_bad_body_is_named(service: Service, caller: Caller, raw: bytes) -> None:
    answer = caller.post("/sends", data=raw)

    assert_problem(answer, 400, "body")
    assert not service.rows("SELECT 1 FROM recordings WHERE domain = :d", d=caller.domain)


@pytest.mark.parametrize(
    ("exchange", "path"),
    [
        pytest.param({"response": {}}, "request", id="no request"),
        pytest.param({"request": 5, "response": {}}, "request", id="a number as request"),
        pytest.param({"request": {}, "response": []}, "request", id="an empty request"),
        pytest.param({"request": {"to": ["4"]}, "response": "x"}, "response.0", id="a text"),
        pytest.param({"request": {"to": ["4"]}, "http": "200"}, "http", id="http as text"),
        pytest.param({"request": {"to": ["4"]}, "http": 99}, "http", id="http out of range"),
        pytest.param({"request": {"to": ["4"]}, "http": True}, "http", id="http as flag"),
        pytest.param({"request": {"to": ["4"]}, "x": 1}, "x", id="unknown field"),
    ],
)
def test_a_bad_exchange_is_named(caller: Caller, exchange: Any, path: str) -> None:
    answer = caller.post("/sends", json=exchange)

    assert answer.status_code == 400
    assert any(name.startswith(path.partition(".")[0]) for name in answer.json["errors"])


def test_an_exchange_for_too_many_is_refused(caller: Caller) -> None:
    request = [{"to": ["4"]}] * 600
    answer = caller.post("/sends", json=[{"request": request}] * 2)

    assert_problem(answer, 400, "body")


@pytest.mark.parametrize("zipped", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_eleven_mebibytes_are_413(caller: Caller, zipped: Callable[[bytes], bytes]) -> None:
    answer = caller.post("/sends", data=zipped(b" " * (11 * MEBIBYTE)))

    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_a_long_idempotency_key_is_named(caller: Caller) -> None:
    answer = caller.post(
        "/sends", json={"destinations": ["4"]}, headers={"Idempotency-Key": "x" * 201}
    )

    assert_problem(answer, 400, "Idempotency-Key")


@pytest.mark.parametrize("body", [{}, {"tag": "x"}, {"transid": 7}, []])
def test_a_bad_completion_is_named(caller: Caller, body: Any) -> None:
    id_ = caller.record(destinations=["447700900123"])["id"]

    answer = caller.patch(f"/sends/{id_}", json=body)

    assert_problem(answer, 400, "body" if body == [] else "transid")


@pytest.mark.parametrize("path", ["/sends", "/messages"])
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("nonsense=1", "nonsense"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-5", "limit"),
        ("limit=x", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("since=yesterday", "since"),
        ("until=2026-07-20T17:13:17", "until"),
        ("since=9999-12-31T23:59:59-01:00", "since"),
        ("channel=", "channel"),
        ("channel=%00", "channel"),
        ("cursor=x", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=" + "W1tb" * 100, "cursor"),
    ],
)
def test_a_bad_parameter_is_named(caller: Caller, path: str, query: str, name: str) -> None:
    answer = caller.get(f"{path}?{query}")

    assert_problem(answer, 400, name)


@pytest.mark.parametrize("part", ["deliveries", "timeline"])
@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "", "%00"])
def test_a_bad_place_in_a_send_is_named(caller: Caller, part: str, cursor: str) -> None:
    transid = caller.record(transid=make_transid())["transid"]

    assert_problem(caller.get(f"/sends/{transid}?{part}={cursor}"), 400, part)


def test_other_methods_and_routes_are_problems_too(caller: Caller) -> None:
    wrong = caller.service.client.put("/api/v1/sends")
    assert (wrong.status_code, wrong.content_type) == (405, "application/problem+json")
    assert "POST" in wrong.headers["Allow"]
    absent = caller.get("/nothing")
    assert (absent.status_code, absent.content_type) == (404, "application/problem+json")
