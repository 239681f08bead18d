"""The client and the real service, with a real gunicorn between them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest

from receiver.client import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    Receiver,
    UnauthorisedError,
)
from receiver.store.points import Point
from tests.web.service import (
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)

NUMBER = "447700900123"


@pytest.fixture
def domain() -> str:
    return make_domain()


@pytest.fixture
def point(service: Service, domain: str) -> Point:
    return make_point(service, domain=domain)


@pytest.fixture
def receiver(service: Service, base_url: str, domain: str) -> Iterator[Receiver]:
    with Receiver(base_url, make_caller(service, domain=domain).secret) as receiver:
        yield receiver


def test_a_send_is_recorded_and_what_became_of_it_is_read(
    service: Service, point: Point, receiver: Receiver
) -> None:
    transid, requested_at = make_transid(), datetime(2026, 7, 20, 17, 13, 10, tzinfo=UTC)
    recorded = receiver.sends.record(
        transid=transid, channel="sms", destinations=[NUMBER], requested_at=requested_at, tag="otp"
    )
    service.hook(point, receipt(transid, "Delivered"))

    send = receiver.sends.one(transid)

    assert (recorded.status, recorded.differs) == (201, [])
    assert (send.id, send.requested_at, send.summary.success) == (recorded.id, requested_at, 1)
    (delivery,) = send.deliveries
    assert (delivery.destination, delivery.status) == (NUMBER, "delivered")
    assert delivery.latency_ms == 7908
    assert [each.kind for each in send.timeline] == ["request", "receipt"]


def test_the_same_again_is_known_and_what_contradicts_is_named(receiver: Receiver) -> None:
    transid = make_transid()
    first = receiver.sends.record(transid=transid, sender="ONE")

    assert receiver.sends.record(transid=transid, sender="ONE").status == 200
    again = receiver.sends.record(transid=transid, sender="TWO")
    assert (again.id, again.differs) == (first.id, ["sender"])


def test_many_are_recorded_and_a_bad_one_stops_no_other(receiver: Receiver) -> None:
    good, bad = receiver.sends.record_many([{"transid": make_transid()}, {"channel": "sms"}])

    assert (good.status, bad.status) == (201, 400)
    assert bad.errors == {"destinations": ["is needed where there is no transid"]}


def test_an_exchange_is_recorded_as_each_send_it_stands_for(receiver: Receiver) -> None:
    transids = [make_transid(), make_transid()]
    answers = [{"code": "1001", "description": "Queued", "transid": each} for each in transids]
    batch = {"deliverychannel": "sms", "destination": [{"msisdn": [NUMBER]}, {"msisdn": ["4477"]}]}

    both = receiver.sends.record_exchange(batch, {"response": answers}, http=200)
    one = receiver.sends.record_exchange(batch, {"response": [answers[0]]})

    assert [each.transid for each in both] == transids
    assert [each.transid for each in one] == transids[:1]


def test_a_send_is_registered_once_and_completed(receiver: Receiver) -> None:
    registered = receiver.sends.record(destinations=[NUMBER], idempotency_key="booking-17")
    again = receiver.sends.record(destinations=[NUMBER], idempotency_key="booking-17")
    assert registered.id == again.id

    transid = make_transid()
    completed = receiver.sends.complete(registered.id or "", transid=transid)

    assert (completed.id, completed.transid) == (registered.id, transid)
    with pytest.raises(ConflictError):
        receiver.sends.complete(registered.id or "", transid=make_transid())


def test_lists_go_over_all_pages(receiver: Receiver) -> None:
    transids = [make_transid() for _ in range(5)]
    receiver.sends.record_many([{"transid": each, "tag": "listed"} for each in transids])

    found = receiver.sends.list(tag="listed", limit=2)

    assert sorted(each.transid or "" for each in found) == sorted(transids)


def test_all_deliveries_of_a_send_are_read(receiver: Receiver) -> None:
    transid = make_transid()
    numbers = [f"4477009{number:05}" for number in range(120)]
    receiver.sends.record(transid=transid, destinations=numbers)

    assert len(receiver.sends.one(transid).deliveries) == 100
    assert [each.destination for each in receiver.sends.deliveries(transid)] == numbers
    assert [each.kind for each in receiver.sends.timeline(transid)] == ["request"]


def test_messages_are_listed_by_who_sent_them(
    service: Service, point: Point, receiver: Receiver
) -> None:
    for text in ("one", "two"):
        service.hook(point, message(text=text))
    service.hook(point, message(text="three", oa="447700900999"))

    found = receiver.messages.list(sender="+44 7700 900123", limit=1)

    assert {(each.sender, each.text) for each in islice(found, 2)} == {
        (NUMBER, "one"),
        (NUMBER, "two"),
    }


def test_bad_input_is_named(receiver: Receiver) -> None:
    with pytest.raises(BadRequestError) as raised:
        list(receiver.sends.list(limit=0))

    assert raised.value.errors.keys() == {"limit"}


def test_who_may_not_is_told_so(service: Service, base_url: str, domain: str) -> None:
    narrow = make_caller(service, domain=domain, scopes=["read"])
    with Receiver(base_url, narrow.secret) as receiver:
        with pytest.raises(ForbiddenError, match="send"):
            receiver.sends.record(transid="t")
        with pytest.raises(NotFoundError):
            receiver.sends.one("absent")
    with Receiver(base_url, "rk_unknown") as stranger, pytest.raises(UnauthorisedError):
        list(stranger.sends.list())
