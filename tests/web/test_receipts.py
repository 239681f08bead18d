"""Receipts one by one, as they came."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.identity import destination_key
from receiver.domain.status import CHANNEL_SPELLINGS, SPELLINGS, status_of
from receiver.store import receipts as stored
from receiver.store.arrivals import Excerpt
from receiver.store.points import Point
from receiver.store.receipts import Sought
from tests.web.listing import window
from tests.web.service import Caller, Service, ago, make_caller, make_point, make_transid, receipt

COPY = """
    INSERT INTO receipts
    SELECT (jsonb_populate_record(r, jsonb_build_object(
        'day', r.day + 1, 'id', gen_random_uuid(), 'accepted_at', r.accepted_at + interval '1 day'
    ))).* FROM receipts r WHERE r.id = :id
"""


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def hook(service: Service, point: Point, *bodies: Any) -> Sequence[str]:
    return [service.hook(point, body).json["id"] for body in bodies]


def test_an_item_has_every_field(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    body = receipt(f"{transid}_0", "Un-Delivered", code="7502", destination="+44 7700 900123")
    body["deliveryInfoNotification"] |= {"correlationid": "c", "callbackData": "d", "carrier": "A"}
    [id_] = hook(service, point, body)

    [item] = caller.get("/receipts").json["items"]

    assert item == {
        "id": id_,
        "transid": transid,
        "alias": f"{transid}_0",
        "source": "hook",
        "accepted_at": item["accepted_at"],
        "provider_at": "2026-07-20T17:13:17.908Z",
        "provider_at_raw": "2026-07-20T17:13:17.908",
        "zone_assumed": True,
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "destination": "+44 7700 900123",
        "destination_type": "msisdn",
        "status": "undelivered",
        "outcome": "failure",
        "raw_status": "Un-Delivered",
        "code": "7502",
        "code_text": item["code_text"],
        "description": "Un-Delivered",
        "additional_info": "",
        "carrier": "A",
        "segments": None,
        "correlationid": "c",
        "callback_data": "d",
    }


def test_pages_are_newest_first_and_lose_none(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    came = hook(service, point, *(receipt(transid, "Read", code=str(n)) for n in range(7)))

    for path in ("/receipts?limit=3", f"/receipts?limit=3&transid={transid}"):
        found: list[str] = []
        following: str | None = ""
        while following is not None:
            answer = caller.get(path + (f"&cursor={following}" if following else ""))
            found += ids(answer)
            following = answer.json["next"]
        assert found == list(came)[::-1]


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    other = make_point(service, domain=caller.domain)
    one, two = make_transid(), make_transid()
    [a, b] = hook(
        service,
        point,
        receipt(one, "Delivered", destination="+44 7700 900123"),
        receipt(f"{one}_1", "DELIVERED", deliveryChannel="rcs", code="1"),
    )
    [c] = hook(
        service, other, receipt(two, "Offered", deliveryChannel="voice", destination="x@y.org")
    )
    recent = f"since={ago(days=1)}&until={ago(days=-1)}"

    for query, found in {
        f"transid={one}": [a],
        f"transid={one}_0": [a],
        f"transid={one}_1&channel=rcs": [b],
        f"transid={two}&{recent}": [c],
        f"transid={two}&until={ago(days=1)}": [],
        f"transid={two}&destination=447700900123": [],
        "transid=unknown": [],
        "destination=447700900123": [b, a],
        "destination=%2B44+7700+900123&code=1": [b],
        "destination=x@y.org": [c],
        "destination=unknown": [],
        f"channel=RCS&{recent}": [b],
        f"status=delivered&{recent}": [b, a],
        f"status=submitted&{recent}": [c],
        f"raw_status=DELIVERED&{recent}": [b],
        f"code=1&{recent}": [b],
        f"point={other.code}&{recent}": [c],
        f"code=1&since={ago(days=30)}&until={ago(days=1)}": [],
    }.items():
        assert ids(caller.get(f"/receipts?{query}")) == found, query


def test_the_store_takes_several_values(service: Service, caller: Caller, point: Point) -> None:
    one, two = make_transid(), make_transid()
    hook(
        service,
        point,
        receipt(one, "Delivered", destination="4477001"),
        receipt(two, "Failed", destination="4477002"),
        receipt(make_transid(), "Read", destination="4477003"),
    )
    excerpt = Excerpt(domain=caller.domain, limit=10)

    with Session(service.engine) as session:
        for sought, found in {
            Sought(transid=(one, two)): ["Failed", "Delivered"],
            Sought(destination_key=("4477002", "4477003")): ["Read", "Failed"],
            Sought(status=("delivered", "read")): ["Read", "Delivered"],
        }.items():
            rows = stored.newest(session, sought, excerpt)
            assert [row.raw_status for row in rows] == found


def test_others_receipts_are_not_shown(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    hook(service, point, receipt(transid, "Delivered"))
    narrowed = make_caller(
        service, domain=caller.domain, point_ids=[make_point(service, domain=caller.domain).id]
    )

    for asking in (make_caller(service, domain="elsewhere"), narrowed):
        for query in (f"?{window()}", f"?transid={transid}", "?destination=447700900123"):
            assert ids(asking.get(f"/receipts{query}")) == [], query


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param("code=7500", ["since", "until"], id="no time"),
        pytest.param("code=1&since=2026-01-01T00:00:00Z", ["until"], id="until now"),
        pytest.param(
            "point=x&since=2026-01-01T00:00:00Z&until=2026-02-02T00:00:00Z",
            ["since", "until"],
            id="wide",
        ),
        pytest.param("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", ["since"], id="back"),
        pytest.param("status=Delivered", ["status"], id="spelling"),
        pytest.param("raw=1", ["raw"], id="no truth value"),
        pytest.param("raw=true&limit=21", ["limit"], id="many in the raw"),
        pytest.param("cursor=x", ["cursor"], id="cursor"),
    ],
)
def test_what_can_t_be_asked_is_named(caller: Caller, query: str, fields: list[str]) -> None:
    answer = caller.get(f"/receipts?{query}")

    assert (answer.status_code, list(answer.json["errors"])) == (400, fields)


def test_what_is_allowed_is_named(caller: Caller) -> None:
    faults = caller.get("/receipts?code=1&status=x").json["errors"]
    assert "delivered" in faults["status"][0]

    [fault] = caller.get("/receipts?code=1").json["errors"]["since"]
    assert fault.endswith("at most 31 days apart, or one of destination, transid")


def test_a_copy_on_the_next_day_is_not_shown(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    [id_] = hook(service, point, receipt(transid, "Delivered"))
    with Session(service.engine) as session:
        session.execute(text(COPY), {"id": id_})
        session.execute(
            text("UPDATE sends SET last_day = last_day + 1 WHERE transid = :t"), {"t": transid}
        )
        session.commit()

    for path in ("/receipts", f"/receipts?transid={transid}"):
        assert ids(caller.get(path)) == [id_]


def test_a_destination_of_too_many_sends_needs_a_narrower_time(
    service: Service, caller: Caller, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_SENDS", 2)
    hook(service, point, *(receipt(make_transid(), "Read", destination="4477") for _ in range(3)))

    answer = caller.get("/receipts?destination=4477")

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["destination"])
    assert ids(caller.get(f"/receipts?destination=4477&until={ago(days=2)}")) == []


NUMBERS = ["+44 (7700) 900-123", "00447700900123", "()  .-+", "123456", "0000000", "a" * 600, "é@ü"]


def test_destinations_are_keyed_and_statuses_read_in_sql_as_they_are_elsewhere(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    for number in NUMBERS:
        hook(service, point, receipt(transid, "Delivered", destination=number))
    for number in NUMBERS:
        items = caller.get("/receipts", query_string={"destination": number}).json["items"]
        same = [each for each in NUMBERS if destination_key(each) == destination_key(number)]
        assert [item["destination"] for item in items] == same[::-1]

    voices = {s for spellings in CHANNEL_SPELLINGS.values() for s in spellings}
    said = [
        receipt(transid, spelling, deliveryChannel=channel)
        for spelling in sorted({*SPELLINGS, *voices, "Wobbled", "UN-delivered "})
        for channel in ("sms", "voice")
    ]
    service.hook(point, said)
    found = 0
    for name in sorted({status_of("", s).name for s in SPELLINGS} | {"unknown", "ended"}):
        items = caller.get(f"/receipts?transid={transid}&status={name}&limit=1000").json["items"]
        assert {item["status"] for item in items} == {name}
        found += len(items)
    assert found == len(said) + len(NUMBERS)
