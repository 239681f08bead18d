"""What the API promises, against a server that speaks the contract as it is written down."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from receiver.client import ExpiredCursorError, Receiver
from receiver.client.results import Deletion, DeliveryItem, Message
from receiver.web import arrival_shapes, shapes
from receiver.web.examples import example_of

SEND = example_of(shapes.SendItem)
MESSAGE = example_of(arrival_shapes.MessageShape)
DELIVERY = {
    **example_of(shapes.DeliveryShape),
    "id": "17",
    "send_id": SEND["id"],
    "transid": SEND["transid"],
    "point": SEND["point"],
    "channel": "sms",
    "sender": "447700900000",
    "tag": "booking",
    "recorded": True,
    "requested_at": SEND["requested_at"],
    "known_at": SEND["accepted_at"],
    "unheard_of": {"a": ["new", "field"]},
}
ARRIVAL = ("id", "accepted_at", "provider_at", "provider_at_raw", "zone_assumed", "point")
RECEIPT = {
    **{name: MESSAGE[name] for name in (*ARRIVAL, "channel", "correlationid")},
    **{name: DELIVERY[name] for name in ("destination", "destination_type", "status", "outcome")},
    **{name: DELIVERY[name] for name in ("raw_status", "code", "code_text", "description")},
    **{name: DELIVERY[name] for name in ("additional_info", "carrier", "segments", "transid")},
    "alias": None,
    "source": "hook",
    "callback_data": "",
}
UTTERANCE = {
    **{name: MESSAGE[name] for name in ("accepted_at", "from", "to", "point", "channel", "text")},
    "direction": "in",
    "at": MESSAGE["accepted_at"],
    "correlationid": "",
    "send_id": None,
    "transid": None,
    "tid": MESSAGE["tid"],
    "status": None,
    "outcome": None,
}
COUNTED = "sends deliveries pending overdue success failure complaint refused unconfirmed"
ROW = {
    **dict.fromkeys([*COUNTED.split(), "conflict", "orphans"], 3),
    "at": "2026-11-22T10:00:00Z",
    "channel": "sms",
    "ttd_ms": {"n": 2, "negative": 0, "p50": 4210, "p90": 5000, "p99": None},
    "compared": None,
}
STATS = {
    "since": "2026-11-22T00:00:00Z",
    "until": "2026-11-23T00:00:00Z",
    "bucket": "day",
    "by": ["channel", "tag"],
    "clock": "requested_at",
    "percentile_error": 0.05,
    "ledger_since": None,
    "items": [ROW],
}


def pages(server: HTTPServer, method: str, path: str, items: list[Any]) -> list[Mapping[str, Any]]:
    """Answer a list, an item a page; return what each page was asked by."""
    asked: list[Mapping[str, Any]] = []

    def handle(request: Request) -> Response:
        given = json.loads(request.data) if method == "POST" else request.args.to_dict(flat=False)
        asked.append(given)
        cursor = given.get("cursor", "0")
        place = int(cursor if isinstance(cursor, str) else cursor[0])
        following = str(place + 1) if place + 1 < len(items) else None
        body = json.dumps({"items": items[place : place + 1], "next": following})
        return Response(body, content_type="application/json")

    server.expect_request(f"/api/v1/{path}", method=method).respond_with_handler(handle)
    return asked


def feed(server: HTTPServer, *answers: list[Any]) -> list[Mapping[str, str]]:
    """Answer the change feed, then that the cursor has expired; return what was asked."""
    asked: list[Mapping[str, str]] = []

    def handle(request: Request) -> Response:
        asked.append(request.args.to_dict())
        if len(asked) > len(answers):
            body = json.dumps({"status": 410, "detail": "the cursor has expired"})
            return Response(body, 410, content_type="application/problem+json")
        body = json.dumps({"items": answers[len(asked) - 1], "next": f"c{len(asked)}"})
        return Response(body, content_type="application/json")

    server.expect_request("/api/v1/changes").respond_with_handler(handle)
    return asked


def change(kind: str, data: Any, cursor: str = "c") -> dict[str, Any]:
    at = "2026-11-22T10:00:05.123Z"
    return {"cursor": cursor, "committed_at": at, "kind": kind, "cause": "receipt", "data": data}


def test_deliveries_come_page_by_page_by_their_filters(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    asked = pages(httpserver, "GET", "deliveries", [DELIVERY, DELIVERY | {"id": "16"}])

    since = datetime(2026, 11, 22, tzinfo=UTC)
    found = list(receiver.deliveries.list(outcome=["failure", "complaint"], since=since))

    assert [each.id for each in found] == ["17", "16"]
    assert found[0].status_at == datetime(2026, 11, 22, 10, 0, 4, 210000, tzinfo=UTC)
    filters = {"outcome": ["failure", "complaint"], "since": ["2026-11-22T00:00:00+00:00"]}
    assert asked == [filters, filters | {"cursor": ["1"]}]


def test_a_list_is_read_only_as_far_as_it_is_wanted(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    asked = pages(httpserver, "GET", "deliveries", [DELIVERY] * 5)

    assert len(list(islice(receiver.deliveries.list(), 2))) == 2

    assert len(asked) == 2


def test_receipts_and_events_are_listed(httpserver: HTTPServer, receiver: Receiver) -> None:
    receipts = pages(httpserver, "GET", "receipts", [RECEIPT])
    events = pages(httpserver, "GET", "events", [MESSAGE | {"kind": "event", "raw": "{}"}])

    assert [each.raw_status for each in receiver.receipts.list(status="failed")] == ["Delivered"]
    assert [each.raw for each in receiver.events.list(sender="+44 7700 900123")] == ["{}"]
    assert receipts == [{"status": ["failed"]}]
    assert events == [{"from": ["+44 7700 900123"]}]


def test_sends_are_sought_without_a_number_in_a_url(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    asked = pages(httpserver, "POST", "sends/search", [SEND, SEND])

    assert len(list(receiver.sends.search(destination="+44 7700 900123"))) == 2

    number = {"destination": "+44 7700 900123"}
    assert asked == [number, number | {"cursor": "1"}]


def test_sends_are_looked_up_a_thousand_at_a_time(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    def handle(request: Request) -> Response:
        wanted = json.loads(request.data)["transids"]
        assert len(wanted) <= 1000
        found = [SEND | {"transid": each} if each.endswith("7") else None for each in wanted]
        return Response(json.dumps({"items": found}), content_type="application/json")

    httpserver.expect_request("/api/v1/sends/lookup", method="POST").respond_with_handler(handle)
    transids = [f"t-{number}" for number in range(1500)]

    found = receiver.sends.lookup(transids)

    assert [each.transid if each else None for each in found] == [
        each if each.endswith("7") else None for each in transids
    ]


def test_a_conversation_is_asked_for_in_a_body(httpserver: HTTPServer, receiver: Receiver) -> None:
    asked = pages(httpserver, "POST", "conversations", [UTTERANCE, UTTERANCE])

    said = list(receiver.conversations("+44 7700 900123", ours="447700900000", limit=1))

    assert [each.sender for each in said] == ["447700900123"] * 2
    first = {"number": "+44 7700 900123", "with": "447700900000", "limit": 1}
    assert asked == [first, first | {"cursor": "1"}]


def test_stats_have_the_dimensions_asked_for(httpserver: HTTPServer, receiver: Receiver) -> None:
    httpserver.expect_request(
        "/api/v1/stats", query_string="bucket=day&by=channel&by=tag&compare=7d"
    ).respond_with_json(STATS)

    (row,) = receiver.stats(bucket="day", by=["channel", "tag"], compare="7d").items

    assert (row.at, row.sends, row.channel, row.tag) == (
        datetime(2026, 11, 22, 10, tzinfo=UTC),
        3,
        "sms",
        None,
    )
    assert (row.ttd_ms.p50, row.ttd_ms.p99) == (4210, None)


def test_changes_come_for_ever_each_as_what_it_is(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float]
) -> None:
    gone = {"kind": "message", "id": "17"}
    asked = feed(
        httpserver,
        [change("delivery", DELIVERY, "c0.1"), change("message", MESSAGE)],
        [],
        [change("event", MESSAGE), change("deletion", gone), change("dance", {"steps": 3})],
    )

    changes = receiver.changes(after="c0", wait=20, tag="booking")
    told = list(islice(changes, 5))

    assert [type(each.data) for each in told] == [DeliveryItem, Message, Message, Deletion, dict]
    assert told[0].cursor == "c0.1"
    assert told[4].data == {"steps": 3}
    assert [each["after"] for each in asked] == ["c0", "c1", "c2"]
    assert {(each["wait"], each["tag"]) for each in asked} == {("20", "booking")}
    assert len(pauses) == 1  # answered with nothing at once: it does not ask in a frenzy
    assert 0.5 < pauses[0] <= 1


def test_an_expired_cursor_says_how_to_be_whole_again(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    feed(httpserver)

    with pytest.raises(ExpiredCursorError, match=r'read anew with changes\(after="start"\)'):
        next(receiver.changes(after="old"))


def test_a_send_can_be_waited_for(httpserver: HTTPServer, receiver: Receiver) -> None:
    shown = example_of(shapes.SendShape) | {"new_field": 1}
    httpserver.expect_request("/api/v1/sends/a%2Fb", query_string="wait=10").respond_with_json(
        shown
    )
    httpserver.expect_request("/api/v1/sends/a/b", query_string="wait=10").respond_with_json(shown)

    assert receiver.sends.one("a/b", wait=10).deliveries[0].status == "delivered"
