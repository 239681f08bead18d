"""What is too much, too odd or not the caller's to say is refused clearly, and costs little."""

import base64
import gzip
import json
from typing import Any

import pytest

from receiver.store.points import Point
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    receipt,
)


def post(service: Service, point: Point, raw: bytes, **more: Any) -> Any:
    return service.client.post(f"/hooks/{point.token_local}", data=raw, **more)


@pytest.mark.parametrize("field", ["tid", "transid"])
def test_a_notice_with_an_id_of_ours_is_quarantined_and_takes_nothing_along(
    service: Service, point: Point, field: str
) -> None:
    ids = {"tid": "t-1", field: "registered:x"}
    odd = {"channel": "sms", "event": "postback", "oa": "447700900555", **ids}
    body = json.dumps([odd, receipt(make_transid(), "Delivered")]).encode()

    answer = post(service, point, body)

    assert answer.status_code == 200
    assert [each["result"] for each in answer.json["results"]] == ["quarantined", "accepted"]


def test_a_mark_goes_before_a_charset_that_contradicts_it(service: Service, point: Point) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(receipt(make_transid(), "Delivered")).encode()

    answer = post(service, point, raw, content_type="application/json; charset=iso-8859-1")

    assert (answer.status_code, answer.json["result"]) == (200, "accepted")


def test_a_body_of_many_gzip_members_is_not_unpacked(service: Service, point: Point) -> None:
    raw = gzip.compress(b"") * 1000 + gzip.compress(b"{}")

    assert post(service, point, raw).json["result"] == "quarantined"


def exchange(entries: list[dict[str, str]], numbers: list[str]) -> dict[str, Any]:
    request = {
        "deliverychannel": "sms",
        "channels": {"sms": {"text": "hi", "senderid": "DEMOBK"}},
        "destination": [{"msisdn": numbers}],
    }
    return {"request": request, "response": {"response": entries}}


def test_an_exchange_of_too_many_sends_is_refused(caller: Caller) -> None:
    numbers = [f"4477009{number:05}" for number in range(1001)]
    entries = [{"code": "1001", "transid": f"t-{number}"} for number in range(1001)]

    many = caller.post("/sends", json=exchange(entries, numbers))
    long = caller.post("/sends", json=exchange(entries[:1], numbers))

    assert (many.status_code, list(many.json["errors"])) == (400, ["response"])
    assert (long.status_code, list(long.json["errors"])) == (400, ["request"])


def test_an_exchange_can_t_name_a_registered_send(caller: Caller) -> None:
    entries = [{"code": "1001", "transid": "registered:0199"}]

    answer = caller.post("/sends", json=exchange(entries, ["447700900123"]))

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["response"])


def test_an_idempotency_key_belongs_to_its_api_key(service: Service) -> None:
    domain = make_domain()
    one, other = (make_caller(service, domain=domain) for _ in range(2))
    send = {"destinations": ["447700900123"]}
    headers = {"Idempotency-Key": "order-1"}

    answers = [each.post("/sends", json=send, headers=headers) for each in (one, one, other)]

    assert [each.status_code for each in answers] == [201, 200, 201]
    assert answers[0].json["id"] == answers[1].json["id"] != answers[2].json["id"]


def test_a_cursor_past_all_numbers_is_refused(service: Service) -> None:
    caller = make_caller(service, domain=make_domain())
    for number in range(3):
        caller.record(transid=f"t-{number}")
    cursor = caller.get("/sends?limit=1").json["next"]
    parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps([parts[0], 2**63]).encode()).decode()

    answer = caller.get(f"/sends?limit=1&cursor={forged.rstrip('=')}")

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["cursor"])


def test_a_timeline_of_the_year_one_can_be_paged(service: Service) -> None:
    domain = make_domain()
    point, caller = make_point(service, domain=domain), make_caller(service, domain=domain)
    transid = make_transid()
    bodies = [
        receipt(transid, "Submitted", timeStamp="0001-01-01T00:00:00Z", code=str(number))
        for number in range(150)
    ]
    assert post(service, point, json.dumps(bodies).encode()).status_code == 200

    first = caller.send(transid)
    rest = caller.get(first["more"]["timeline"].removeprefix("/api/v1"))

    assert (len(first["timeline"]), len(rest.json["timeline"])) == (100, 50)


def test_a_bomb_is_not_unpacked(service: Service) -> None:
    point = make_point(service)
    bomb = gzip.compress(b'{"a": "' + b"x" * 8 * 1024 * 1024 + b'"}')

    answer = service.hook(point, bomb)

    assert answer.status_code == 413
    assert answer.json["result"] == "quarantined"
