"""One send: what is told of it, whatever came first."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from receiver.store.points import Point
from receiver.web.times import read_time
from tests.web.service import Caller, Service, make_transid, message, receipt

REQUESTED = "2026-07-20T17:13:00.000Z"


def sent(transid: str, **more: Any) -> dict[str, Any]:
    return {
        "transid": transid,
        "sender": "DEMOBK",
        "destinations": ["447700900123"],
        "requested_at": REQUESTED,
        **more,
    }


def test_receipts_before_their_send_and_thrice_make_one_delivery(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    statuses = ["Delivered", "Submitted"]
    for _ in range(3):
        for status in statuses:
            service.hook(point, receipt(transid, status))
        answer = caller.record(**sent(transid, destinations=["+44 7700 900123"], tag="otp"))

    assert answer["status"] == 200
    shown = caller.send(transid)
    assert (shown["state"], shown["recorded"], shown["tag"]) == ("accepted", True, "otp")
    [delivery] = shown["deliveries"]
    assert (delivery["status"], delivery["outcome"]) == ("delivered", "success")
    assert delivery["destination"] == "447700900123"
    assert delivery["latency_ms"] == 17_908
    kinds = [(entry["kind"], entry["status"], entry["decisive"]) for entry in shown["timeline"]]
    assert kinds == [
        ("request", None, False),
        ("receipt", "submitted", False),
        ("receipt", "delivered", True),
    ]
    assert shown["summary"] == {
        "deliveries": 1,
        "pending": 0,
        "success": 1,
        "failure": 0,
        "complaint": 0,
    }


def test_a_send_has_every_field(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Failed", code="7102", destination="447700900124"))
    recorded = caller.record(
        **sent(
            transid,
            channel="SMS",
            correlationid="c-1",
            text="Hello",
            callback_data="back",
            expires_at="2026-07-21T00:00:00+02:00",
            tag="otp",
            metadata={"order": 7},
            destinations=[
                {"value": "447700900123", "type": "msisdn", "correlationid": "c-1-a"},
                "447700900124",
            ],
        )
    )

    shown = caller.send(recorded["id"])

    deliveries = {each["destination"]: each for each in shown["deliveries"]}
    assert deliveries["447700900123"] == {
        "destination": "447700900123",
        "destination_type": "msisdn",
        "correlationid": "c-1-a",
        "status": "accepted",
        "outcome": "pending",
        "raw_status": "",
        "also": None,
        "code": "",
        "code_text": None,
        "description": "",
        "additional_info": "",
        "carrier": None,
        "segments": None,
        "provider_at": None,
        "provider_at_raw": "",
        "zone_assumed": False,
        "first_receipt_at": None,
        "status_at": None,
        "latency_ms": None,
        "overdue": False,
        "conflict": False,
    }
    failed = deliveries["447700900124"]
    assert (failed["status"], failed["code_text"]) == ("failed", "Invalid address")
    assert failed["status_at"] == failed["provider_at"] == "2026-07-20T17:13:17.908Z"
    whole = {name: shown[name] for name in shown if name not in ("deliveries", "timeline")}
    assert whole == {
        "id": recorded["id"],
        "transid": transid,
        "aliases": [],
        "correlationid": "c-1",
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "sender": "DEMOBK",
        "tag": "otp",
        "text": "Hello",
        "callback_data": "back",
        "metadata": {"order": 7},
        "state": "accepted",
        "recorded": True,
        "answer": None,
        "requested_at": REQUESTED,
        "accepted_at": shown["accepted_at"],
        "expires_at": "2026-07-20T22:00:00.000Z",
        "notify_url": "",
        "reports_elsewhere": False,
        "summary": {"deliveries": 2, "pending": 1, "success": 0, "failure": 1, "complaint": 0},
        "replies": [],
        "questions": [],
        "more": {"deliveries": None, "timeline": None},
    }


def test_only_receipts_known_is_unrecorded(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    service.hook(point, receipt(f"{transid}_0", "Read"))

    shown = caller.send(transid)

    assert (shown["recorded"], shown["state"], shown["transid"]) == (False, "unrecorded", transid)
    assert shown["aliases"] == [f"{transid}_0"]
    assert caller.send(f"{transid}_0")["id"] == caller.send(shown["id"])["id"] == shown["id"]


def test_what_nobody_knows_is_404(caller: Caller) -> None:
    for name in (make_transid(), "x", "a/b", "%00", "registered:"):
        answer = caller.get(f"/sends/{name}")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_receipts_of_a_part_that_nobody_recorded_are_the_whole_sends(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    service.hook(point, receipt(f"{transid}_1", "Delivered"))
    service.hook(point, receipt(f"{transid}_1", "Failed", destination="447700900999"))
    caller.record(**sent(transid))

    whole, part = caller.send(transid), caller.send(f"{transid}_1")

    assert [each["status"] for each in whole["deliveries"]] == ["delivered"]
    assert [each["status"] for each in whole["timeline"]] == [None, "delivered"]
    assert [each["status"] for each in part["timeline"]] == ["failed"]
    assert (part["recorded"], part["transid"]) == (False, f"{transid}_1")


def test_an_exchange_is_recorded_with_its_answer(caller: Caller) -> None:
    transid = make_transid()
    exchange = {
        "request": {
            "deliverychannel": "sms",
            "channels": {"sms": {"senderid": "DEMOBK", "text": "Hello"}},
            "destination": [{"msisdn": ["447700900123"]}],
        },
        "response": {"response": [{"code": "1001", "description": "Queued", "transid": transid}]},
        "http": 200,
    }

    recorded = caller.post("/sends", json=exchange)

    assert (recorded.status_code, recorded.json["transid"]) == (201, transid)
    shown = caller.send(transid)
    answer = {"http": 200, "code": "1001", "description": "Queued", "at": None}
    assert (shown["text"], shown["answer"]) == ("Hello", answer)
    lines = [(entry["kind"], entry["status"], entry["code"]) for entry in shown["timeline"]]
    assert lines == [("request", None, None), ("answer", "accepted", "1001")]


def test_an_exchange_can_be_several_sends(caller: Caller) -> None:
    transid = make_transid()
    request = [
        {"deliverychannel": "sms", "destination": [{"msisdn": [number]}], "channels": {"sms": {}}}
        for number in ("447700900123", "447700900124")
    ]
    response = [{"code": "1001", "transid": transid}, {"code": "1001", "transid": f"{transid}_1"}]

    answer = caller.post("/sends", json={"request": request, "response": {"response": response}})
    again = caller.post("/sends", json=[{"request": request, "response": response}])

    transids = [each["transid"] for each in answer.json["results"]]
    assert (answer.status_code, transids) == (200, [transid, f"{transid}_1"])
    [combined] = again.json["results"]
    assert (combined["status"], [each["status"] for each in combined["results"]]) == (
        200,
        [200, 200],
    )


def test_a_refused_request_is_kept_without_a_transid(caller: Caller) -> None:
    request = {"deliverychannel": "sms", "destination": [{"msisdn": ["447700900123"]}]}
    response = {"response": {"code": "7001", "description": "Authentication failed"}}

    recorded = caller.record(request=request, response=response)

    shown = caller.send(recorded["id"])
    assert (shown["state"], shown["transid"]) == ("refused", None)
    assert (shown["answer"]["code"], shown["deliveries"][0]["status"]) == ("7001", "failed")


def test_a_repeat_says_what_differs(caller: Caller) -> None:
    transid = make_transid()
    first = caller.record(**sent(transid, tag="a", metadata={"n": 1}))
    same = caller.record(**sent(transid, tag="a", metadata={"n": 1}))
    other = caller.record(**sent(transid, tag="b", text="new", destinations=["447700900999"]))

    assert (first["status"], same["status"], other["status"]) == (201, 200, 200)
    assert same["differs"] == []
    assert other["differs"] == ["tag", "destinations"]
    assert first["id"] == other["id"] == caller.send(transid)["id"]


def test_many_are_recorded_item_by_item(service: Service, caller: Caller) -> None:
    good, known = make_transid(), make_transid()
    caller.record(**sent(known))

    answer = caller.post("/sends", json=[sent(good), {"transid": good, "x": 1}, 5, sent(known)])

    assert answer.status_code == 200
    results = answer.json["results"]
    assert [each["status"] for each in results] == [201, 400, 400, 200]
    assert results[1]["errors"]["x"][0].startswith("is unknown: there are callback_data, channel,")
    found = service.rows("SELECT 1 FROM recordings WHERE transid = :transid", transid=good)
    assert len(found) == 1


def test_a_thousand_are_recorded_at_once(caller: Caller) -> None:
    answer = caller.post("/sends", json=[sent(make_transid()) for _ in range(1000)])

    assert [each["status"] for each in answer.json["results"]] == [201] * 1000


def test_a_registered_send_is_completed(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    draft = {"destinations": ["447700900123"], "sender": "DEMOBK"}
    keyed = {"json": draft, "headers": {"Idempotency-Key": "once"}}
    first, again = (caller.post("/sends", **keyed) for _ in range(2))
    id_ = first.json["id"]
    assert (first.status_code, first.json["transid"]) == (201, None)
    assert (again.status_code, again.json["id"]) == (200, id_)
    assert first.headers["Location"] == f"/api/v1/sends/{id_}"
    before = caller.send(id_)
    assert (before["id"], before["state"], before["transid"]) == (id_, "registered", None)
    service.hook(point, receipt(transid, "Delivered"))

    completed = caller.patch(f"/sends/{id_}", json={"transid": transid, "tag": "late"})

    assert (completed.status_code, completed.json["transid"]) == (200, transid)
    for name in (id_, transid):
        shown = caller.send(name)
        assert (shown["id"], shown["transid"], shown["tag"]) == (id_, transid, "late")
        assert [each["status"] for each in shown["deliveries"]] == ["delivered"]
    assert caller.patch(f"/sends/{id_}", json={"transid": transid}).status_code == 200
    assert caller.patch(f"/sends/{id_}", json={"transid": make_transid()}).status_code == 409
    assert caller.post("/sends", **keyed).json["transid"] == transid
    assert len(caller.get("/sends").json["items"]) == 1


def test_registered_sends_of_the_same_content_stay_apart(caller: Caller) -> None:
    ids = [caller.record(destinations=["447700900123"])["id"] for _ in range(2)]
    transids = [make_transid(), make_transid()]
    for id_, transid in zip(ids, transids, strict=True):
        caller.patch(f"/sends/{id_}", json={"transid": transid})

    assert [caller.send(transid)["id"] for transid in transids] == ids


@pytest.mark.parametrize("id_", ["x", str(UUID(int=7)), ""])
def test_nothing_unknown_can_be_completed(caller: Caller, id_: str) -> None:
    answer = caller.patch(f"/sends/{id_}", json={"transid": make_transid()})

    assert answer.status_code in (404, 405)


def all_of(caller: Caller, shown: Any, part: str) -> list[Any]:
    found = list(shown[part])
    url = shown["more"][part]
    while url:
        page = caller.get(url.removeprefix("/api/v1")).json
        found += page[part]
        url = page["more"][part]
    return found


def test_long_parts_come_in_pages(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    numbers = [f"4477009{index:05}" for index in range(130)]
    caller.record(**sent(transid, destinations=numbers))
    for status, second in (("Submitted", 1), ("Delivered", 2)):
        at = f"2026-07-20T17:13:0{second}Z"
        bodies = [receipt(transid, status, destination=n, timeStamp=at) for n in numbers]
        assert service.hook(point, bodies).status_code == 200

    shown = caller.send(transid)
    assert (len(shown["deliveries"]), len(shown["timeline"])) == (100, 100)
    deliveries, timeline = (all_of(caller, shown, part) for part in ("deliveries", "timeline"))

    assert sorted(each["destination"] for each in deliveries) == numbers
    assert len({entry["id"] for entry in timeline}) == len(timeline) == 261
    assert [entry["status"] for entry in timeline] == [None] + ["submitted"] * 130 + [
        "delivered"
    ] * 130


def test_a_customers_answer_and_events_are_in_the_timeline(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    caller.record(**sent(transid, requested_at=now()))
    service.hook(point, {"transid": transid, "channel": "sms", "event": "seen"})
    service.hook(point, message(ts=""))

    shown = caller.send(transid)

    assert [entry["kind"] for entry in shown["timeline"]] == ["request", "event", "reply"]
    assert shown["timeline"][1]["description"] == "seen"


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_conflicting_receipts_are_said_to_be(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    for status in ("Delivered", "Failed"):
        service.hook(point, receipt(transid, status))

    [delivery] = caller.send(transid)["deliveries"]

    assert (delivery["status"], delivery["conflict"]) == ("delivered", True)


def test_an_unknown_status_is_shown_as_it_came(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    for status in ("Submitted", "Zapped"):
        service.hook(point, receipt(transid, status))

    [delivery] = caller.send(transid)["deliveries"]

    assert (delivery["status"], delivery["also"]) == ("submitted", "Zapped")


def test_times_are_written_with_milliseconds_or_microseconds(caller: Caller) -> None:
    for given, shown in (
        ("2026-07-20T17:13:17+05:45", "2026-07-20T11:28:17.000Z"),
        ("2026-07-20t17:13:17.9081z", "2026-07-20T17:13:17.908100Z"),
        ("2026-07-20T17:13:17.123456789Z", "2026-07-20T17:13:17.123456Z"),
    ):
        transid = make_transid()
        caller.record(**sent(transid, requested_at=given))

        assert caller.send(transid)["requested_at"] == shown
        assert read_time(shown) == read_time(given)
