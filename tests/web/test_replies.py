"""Replies: what customers answered, linked when it is read."""

from typing import Any

from receiver.store.points import Point
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)

CUSTOMER = "447700900123"


def record(caller: Caller, *, requested_at: str, sender: str = "DEMOBK", **more: Any) -> str:
    transid = make_transid()
    send = {"destinations": [CUSTOMER], "requested_at": requested_at, **more}
    if sender:
        send["sender"] = sender
    caller.record(transid=transid, **send)
    return transid


def replies(caller: Caller, transid: str) -> list[tuple[str, str, float]]:
    found = caller.send(transid)["replies"]
    return [(each["text"], each["method"], each["confidence"]) for each in found]


def test_an_answer_from_the_same_pair_within_the_window_is_a_reply(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = record(caller, requested_at=ago(hours=1))
    body = message(oa="+44 7700 900123")
    service.hook(point, body)

    [reply] = caller.send(transid)["replies"]

    assert reply == {
        "tid": body["tid"],
        "accepted_at": reply["accepted_at"],
        "from": "+44 7700 900123",
        "text": "yes",
        "method": "pair",
        "confidence": 0.8,
    }


def test_another_pair_or_a_late_answer_is_none(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = record(caller, requested_at=ago(hours=1))
    old = record(caller, requested_at=ago(hours=73))
    future = record(caller, requested_at=ago(hours=-1))
    service.hook(point, message(oa="447700900999"))
    service.hook(point, message(da="OTHER"))
    assert replies(caller, transid) == []

    service.hook(point, message())

    assert len(replies(caller, transid)) == 1
    assert replies(caller, old) == replies(caller, future) == []


def test_only_the_last_send_before_an_answer_has_it(
    service: Service, caller: Caller, point: Point
) -> None:
    second = record(caller, requested_at=ago(hours=1))
    first = record(caller, requested_at=ago(hours=2))
    other = record(caller, requested_at=ago(minutes=1), sender="ELSE")
    service.hook(point, message())

    assert (len(replies(caller, first)), len(replies(caller, second))) == (0, 1)
    assert replies(caller, other) == []


def test_an_answer_that_names_the_send_is_certain(
    service: Service, caller: Caller, point: Point
) -> None:
    first = record(caller, requested_at=ago(hours=80), correlationid="order-7")
    last = record(caller, requested_at=ago(hours=1))
    service.hook(point, message(text="a", relatedTid=f"R{first}"))
    service.hook(point, message(text="b", transid=first))
    service.hook(point, message(text="c", correlationid="order-7", oa="447700900999"))
    service.hook(
        point,
        {"channel": "whatsapp", "event": "postback", "waid": "1", "transid": first, "text": "d"},
    )

    assert replies(caller, first) == [(text, "quoted", 1.0) for text in "abcd"]
    assert [each[0] for each in replies(caller, last)] == ["a"]


def test_a_correlationid_of_many_names_only_its_recipients(
    service: Service, caller: Caller, point: Point
) -> None:
    mine = record(caller, requested_at=ago(hours=1), correlationid="campaign")
    other = record(
        caller, requested_at=ago(hours=1), correlationid="campaign", destinations=["447700900999"]
    )
    service.hook(point, message(correlationid="campaign", da="ELSEWHERE"))

    assert replies(caller, mine) == [("yes", "quoted", 1.0)]
    assert replies(caller, other) == []


def test_without_a_known_sender_a_reply_is_a_guess(
    service: Service, caller: Caller, point: Point
) -> None:
    orphan = make_transid()
    service.hook(point, receipt(orphan, "Delivered"))
    service.hook(point, message())

    assert replies(caller, orphan) == [("yes", "pair", 0.5)]


def test_the_same_answer_twice_is_one_reply(service: Service, caller: Caller, point: Point) -> None:
    transid = record(caller, requested_at=ago(hours=1))
    body = message()
    for _ in range(2):
        service.hook(point, body)

    assert len(replies(caller, transid)) == 1


def test_answers_of_another_domain_are_none_of_ours(service: Service, caller: Caller) -> None:
    transid = record(caller, requested_at=ago(hours=1))
    service.hook(make_point(service, domain=make_domain()), message())

    assert replies(caller, transid) == []
