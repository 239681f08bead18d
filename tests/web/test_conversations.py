"""Conversations: what was sent to a number and what came from it, as one list."""

import itertools
from typing import Any

import pytest
from sqlalchemy.orm import Session

from receiver.store import conversations as stored
from receiver.store.arrivals import Excerpt
from receiver.store.conversations import Place, Sought
from receiver.store.points import Point
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)

NUMBER = "447700900123"


def talk(caller: Caller, **more: Any) -> Any:
    answer = caller.post("/conversations", json={"number": NUMBER, **more})
    assert answer.status_code == 200, answer.json
    return answer.json


def texts(caller: Caller, **more: Any) -> list[str]:
    return [item["text"] for item in talk(caller, **more)["items"]]


def send(caller: Caller, text: str, **more: Any) -> str:
    transid = make_transid()
    caller.record(
        **{
            "transid": transid,
            "destinations": [f"+{NUMBER}"],
            "sender": "DEMOBK",
            "channel": "sms",
            "text": text,
            **more,
        }
    )
    return transid


def test_it_has_what_was_sent_and_what_came(service: Service, caller: Caller, point: Point) -> None:
    asked = ago(minutes=5)
    transid = send(caller, "Coming?", requested_at=asked, correlationid="c")
    service.hook(point, receipt(transid, "Delivered"))
    service.hook(point, message(tid="t", text="yes", oa="+44 7700 900123"))

    heard, sent = talk(caller, number="+44 (7700) 900123")["items"]

    assert heard == {
        "direction": "in",
        "accepted_at": heard["accepted_at"],
        "at": "2026-07-20T17:20:00.000Z",
        "from": "+44 7700 900123",
        "to": "DEMOBK",
        "send_id": None,
        "transid": None,
        "tid": "t",
        "status": None,
        "outcome": None,
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "text": "yes",
        "correlationid": "",
    }
    assert sent == {
        "direction": "out",
        "accepted_at": sent["accepted_at"],
        "at": asked,
        "from": "DEMOBK",
        "to": NUMBER,
        "send_id": caller.send(transid)["id"],
        "transid": transid,
        "tid": None,
        "status": "delivered",
        "outcome": "success",
        "point": {"id": str(point.id), "code": point.code},
        "channel": "sms",
        "text": "Coming?",
        "correlationid": "c",
    }


def test_pages_lose_and_repeat_nothing_while_it_goes_on(
    service: Service, caller: Caller, point: Point
) -> None:
    said = []
    for number in range(12):
        said.append(str(number))
        if number % 3:
            service.hook(point, message(text=said[-1]))
        else:
            send(caller, said[-1])

    for limit in (1, 4, 12, 100):
        found: list[str] = []
        cursor: dict[str, str] = {}
        for page in itertools.count():
            answer = talk(caller, limit=limit, **cursor)
            found += [item["text"] for item in answer["items"]]
            if not answer["next"]:
                break
            cursor = {"cursor": answer["next"]}
            send(caller, f"later {limit} {page}")
            service.hook(point, message(text=f"later {limit} {page}"))
        assert [each for each in found if not each.startswith("later")] == said[::-1]
        assert not any(each.startswith(f"later {limit} ") for each in found)


def test_it_can_be_narrowed(service: Service, caller: Caller, point: Point) -> None:
    send(caller, "a")
    send(caller, "b", sender="+44 20 7946 0000")
    service.hook(point, message(text="c"))
    service.hook(point, message(text="d", da="442079460000"))

    assert texts(caller) == ["d", "c", "b", "a"]
    assert texts(caller, **{"with": "DEMOBK"}) == ["c", "a"]
    assert texts(caller, **{"with": "+442079460000"}) == ["d", "b"]
    assert texts(caller, since=ago(days=1)) == ["d", "c", "b", "a"]
    assert texts(caller, until=ago(days=1)) == texts(caller, number="00-----") == []


def test_a_number_can_have_several_keys(service: Service, caller: Caller, point: Point) -> None:
    send(caller, "a", destinations=["4477001"])
    send(caller, "b", destinations=["077001"])
    service.hook(point, message(text="c", oa="4477001"))
    send(caller, "d", destinations=["077001"])
    sought = Sought(keys=("4477001", "077001", "4477001"))
    found: list[str] = []
    after: Place | None = None

    with Session(service.engine) as session:
        while len(found) < 4:
            lines, after = stored.newest(
                session, sought, after=after, excerpt=Excerpt(domain=caller.domain, limit=1)
            )
            found += [line.row.text for line in lines]

    assert (found, after) == (["d", "c", "b", "a"], None)


def test_others_conversations_are_not_shown(service: Service, caller: Caller, point: Point) -> None:
    send(caller, "a")
    service.hook(point, message(text="b"))
    other = make_point(service, domain=caller.domain)
    narrowed = make_caller(service, domain=caller.domain, point_ids=[other.id])

    assert texts(make_caller(service, domain=make_domain())) == texts(narrowed) == []


def test_a_registered_send_is_in_it_once_it_is_completed(caller: Caller) -> None:
    id_ = caller.record(destinations=[NUMBER], text="a")["id"]
    assert [item["transid"] for item in talk(caller)["items"]] == [None]

    transid = make_transid()
    caller.patch(f"/sends/{id_}", json={"transid": transid})

    [item] = talk(caller)["items"]
    assert (item["send_id"], item["transid"]) == (id_, transid)


def test_it_is_masked_as_other_reads_are(service: Service, caller: Caller, point: Point) -> None:
    send(caller, "secret")
    service.hook(point, message(text="secret"))
    reader = make_caller(service, domain=caller.domain, scopes=["read"])

    heard, sent = talk(reader)["items"]

    assert heard["text"] == sent["text"] == "***"
    assert (heard["from"], sent["to"]) == ("*********123", "**********123")
    assert (
        make_caller(service, domain=caller.domain, scopes=["send"])
        .post("/conversations", json={"number": NUMBER})
        .status_code
        == 403
    )


def test_it_says_how_fresh_it_is_and_has_no_etag(caller: Caller) -> None:
    send(caller, "a")
    send(caller, "b")

    answer = caller.post("/conversations", json={"number": NUMBER, "limit": 1})

    assert answer.headers["Receiver-Ledger"] == "complete=true; spooled=0; oldest=0"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert not {"ETag", "Link"} & set(answer.headers.keys())


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, ["number"], id="no number"),
        pytest.param({"number": 447700900123}, ["number"], id="no text"),
        pytest.param({"number": NUMBER, "limit": 0}, ["limit"], id="no limit"),
        pytest.param({"number": NUMBER, "limit": True}, ["limit"], id="a truth value"),
        pytest.param({"number": NUMBER, "to": "x"}, ["to"], id="unknown"),
        pytest.param({"number": NUMBER, "cursor": "x"}, ["cursor"], id="no cursor"),
        pytest.param(
            {"number": NUMBER, "since": ago(days=1), "until": ago(days=2)},
            ["since"],
            id="backwards",
        ),
        pytest.param([], ["body"], id="no object"),
    ],
)
def test_what_can_t_be_asked_is_named(caller: Caller, body: Any, fields: list[str]) -> None:
    answer = caller.post("/conversations", json=body)

    assert (answer.status_code, list(answer.json["errors"])) == (400, fields)


def test_a_cursor_is_good_for_its_query_only(caller: Caller) -> None:
    send(caller, "a")
    send(caller, "b")
    cursor = talk(caller, limit=1)["next"]

    answer = caller.post("/conversations", json={"number": "1", "cursor": cursor})

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["cursor"])
