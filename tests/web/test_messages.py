"""Messages: what customers wrote, as lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store.points import Point
from tests.web.service import Caller, Service, ago, make_point, message

COPY = """
    INSERT INTO messages
    SELECT (jsonb_populate_record(m, jsonb_build_object(
        'day', m.day + 1, 'id', gen_random_uuid(), 'accepted_at', m.accepted_at + interval '1 day'
    ))).* FROM messages m WHERE m.id = :id RETURNING id
"""


def tids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["tid"] for item in answer.json["items"]]


def test_an_item_has_every_field(service: Service, caller: Caller, point: Point) -> None:
    body = message(tid="t-1", contextId="quoted-1", correlationid="c", extra="more")
    id_ = service.hook(point, body).json["id"]

    [item] = caller.get("/messages").json["items"]

    assert item == {
        "id": id_,
        "tid": "t-1",
        "accepted_at": item["accepted_at"],
        "provider_at": "2026-07-20T17:20:00.000Z",
        "provider_at_raw": "2026-07-20T17:20:00Z",
        "zone_assumed": False,
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "kind": "message",
        "name": "MO",
        "from": "447700900123",
        "to": "DEMOBK",
        "text": "yes",
        "subject": "",
        "attachments": [],
        "details": {"extra": "more"},
        "quoted": "quoted-1",
        "transid": None,
        "correlationid": "c",
    }


def test_where_a_point_keeps_no_text_the_body_alone_has_it(
    service: Service, caller: Caller
) -> None:
    point = make_point(service, domain=caller.domain, store_text="none")
    said = message(text="what was said", subject="of what", extra="and more")
    event = {"channel": "sms", "event": "postback", "tid": "t", "payload": "what was said"}
    for body in (said, event, [said | {"tid": "another"}]):
        assert service.hook(point, body).status_code == 200

    for path in ("/messages", "/events"):
        plain, raw = (caller.get(f"{path}{more}") for more in ("", "?raw=true"))
        assert plain.json["items"]
        assert "what was said" not in plain.text
        assert all("what was said" in item["raw"] for item in raw.json["items"])
    [event, *_] = caller.get("/changes?kind=message").json["items"]
    assert (event["data"]["text"], event["data"]["from"]) == ("", "447700900123")


def test_pages_are_newest_first_and_lose_none(
    service: Service, caller: Caller, point: Point
) -> None:
    bodies = [message() for _ in range(25)]
    service.hook(point, bodies[:5])
    for body in bodies[5:]:
        service.hook(point, body)

    found: list[str] = []
    path = "/messages?limit=10"
    while path:
        answer = caller.get(path)
        found += tids(answer)
        following = answer.json["next"]
        path = f"/messages?limit=10&cursor={following}" if following else ""

    assert sorted(found) == sorted(body["tid"] for body in bodies)
    assert found[:20] == [body["tid"] for body in bodies[:4:-1]]


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    service.hook(point, message(tid="one"))
    service.hook(point, message(tid="two", oa="447700900124", da="+44 20 7946 0000"))
    service.hook(
        point, {"channel": "whatsapp", "event": "MO", "tid": "three", "waid": "4", "text": "x"}
    )
    recent = f"since={ago(days=1)}&until={ago(days=-1)}"
    soon = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    for query, found in {
        "tid=one": ["one"],
        "from=%2B44%207700%20900124": ["two"],
        f"to=442079460000&{recent}": ["two"],
        f"channel=WhatsApp&{recent}": ["three"],
        f"name=MO&channel=sms&{recent}": ["two", "one"],
        f"point={point.code}&{recent}": ["three", "two", "one"],
        f"point={point.id}&from=4": ["three"],
        "since=2020-01-01T00:00:00Z": ["three", "two", "one"],
        "until=2020-01-01T00:00:00Z": [],
        f"since={soon}": [],
        f"until={soon}&since=2020-01-01T00:00:00Z&limit=2": ["three", "two"],
    }.items():
        assert tids(caller.get(f"/messages?{query}")) == found, query


def test_a_tid_is_not_unique(service: Service, caller: Caller, point: Point) -> None:
    for words in ("a", "b"):
        service.hook(point, message(tid="same/x", text=words))

    answer = caller.get("/messages/same/x")

    assert [item["text"] for item in answer.json["items"]] == ["b", "a"]
    assert caller.get("/messages/unknown").status_code == 404
    assert caller.get("/messages/%00").status_code == 404


def test_a_copy_on_the_next_day_is_not_shown(
    service: Service, caller: Caller, point: Point
) -> None:
    id_ = service.hook(point, message(tid="late")).json["id"]
    with Session(service.engine) as session:
        session.execute(text(COPY), {"id": id_})
        session.commit()

    for path in ("/messages", "/messages/late", "/messages?limit=1", "/messages?from=447700900123"):
        answer = caller.get(path).json
        assert ([item["id"] for item in answer["items"]], answer["next"]) == ([id_], None)
