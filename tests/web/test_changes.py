"""The change feed over HTTP: cursors, filters, waiting, and what a key sees of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store.points import Point
from receiver.web.arrival_shapes import MessageShape
from receiver.web.changes import ChangesQuery
from receiver.web.feed_shapes import ChangeList
from receiver.web.feed_watch import FeedWatch
from receiver.web.rooms import Rooms
from receiver.web.shapes import DeliveryItem
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)


def changes(caller: Caller, query: str = "") -> Any:
    answer = caller.get(f"/changes?{query}")
    assert answer.status_code == 200, answer.json
    assert ChangeList().validate(answer.json) == {}
    return answer.json


def waits(service: Service) -> FeedWatch:
    rooms: Rooms = service.app.extensions["receiver"]
    return rooms.feed


def until_waiting(watch: FeedWatch, count: int) -> None:
    until = time.monotonic() + 10
    while watch.waiting < count:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_everything_that_changes_comes_in_its_present_state(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Submitted"))
    first = changes(caller)
    service.hook(point, receipt(transid, "Delivered"))
    service.hook(point, message(tid="m-1"))
    caller.record(transid=transid, tag="otp", destinations=["447700900123"])

    then = changes(caller, f"after={first['next']}")

    assert [(item["kind"], item["cause"]) for item in first["items"]] == [("delivery", "new")]
    assert first["items"][0]["data"]["status"] == "submitted"
    told = {item["kind"]: item["data"] for item in then["items"]}
    assert told.keys() == {"delivery", "message"}
    assert (told["delivery"]["status"], told["delivery"]["tag"]) == ("delivered", "otp")
    assert DeliveryItem().validate(told["delivery"]) == {}
    assert MessageShape().validate(told["message"]) == {}
    nothing = changes(caller, f"after={then['next']}")
    assert nothing["items"] == []
    assert changes(caller, "after=now")["items"] == []
    assert changes(caller, f"after={then['items'][0]['cursor']}")["items"] == then["items"][1:]


def test_filters_narrow_the_feed(service: Service, caller: Caller, point: Point) -> None:
    other = make_point(service, domain=caller.domain)
    service.hook(point, receipt(make_transid(), "Delivered"))
    service.hook(other, receipt(make_transid(), "Failed"))
    service.hook(other, message())

    def kinds(query: str) -> list[str]:
        return sorted(item["kind"] for item in changes(caller, query)["items"])

    assert kinds("") == ["delivery", "delivery", "message"]
    assert kinds("kind=message,event") == ["message"]
    assert kinds(f"point={other.code}") == ["delivery", "message"]
    assert kinds(f"point={point.id}&point={other.code}&kind=delivery") == ["delivery"] * 2
    assert kinds("tag=none") == []
    narrowed = make_caller(service, domain=caller.domain, point_ids=[point.id])
    assert [item["kind"] for item in changes(narrowed)["items"]] == ["delivery"]
    for who, name in ((caller, "unknown"), (narrowed, other.code)):
        answer = who.get(f"/changes?point={name}")
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["point"])


def test_a_key_without_pii_sees_no_numbers(service: Service, caller: Caller, point: Point) -> None:
    service.hook(point, receipt(make_transid(), "Delivered"))
    service.hook(point, message())

    veiled = changes(make_caller(service, domain=caller.domain, scopes=["read"]))

    assert "447700900123" not in str(veiled)
    assert "447700900123" in str(changes(caller))


def test_a_deletion_leaves_its_name(service: Service, caller: Caller, point: Point) -> None:
    service.hook(point, receipt(make_transid(), "Delivered"))
    seen = changes(caller)
    with Session(service.engine) as session:
        session.execute(text("DELETE FROM deliveries WHERE domain = :d"), {"d": caller.domain})
        session.commit()

    (gone,) = changes(caller, f"after={seen['next']}")["items"]

    assert gone["kind"] == "deletion"
    assert gone["data"] == {"kind": "delivery", "id": seen["items"][0]["data"]["id"]}


def test_a_cursor_that_is_good_no_more_says_how_to_begin_anew(
    service: Service, caller: Caller
) -> None:
    cursor = changes(caller)["next"]
    with Session(service.engine) as session:
        session.execute(text("UPDATE feed SET generation = gen_random_uuid()"))
        session.commit()

    answer = caller.get(f"/changes?after={cursor}")

    assert answer.status_code == 410
    assert "after=start" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "name", "fault"),
    [
        pytest.param("after=nonsense", "after", "none of ours", id="cursor"),
        pytest.param("wait=26", "wait", "0 to 25", id="wait"),
        pytest.param("wait=-1", "wait", "0 to 25", id="negative"),
        pytest.param("kind=receipt", "kind", "delivery, message, event, deletion", id="kind"),
        pytest.param("limit=0", "limit", "", id="limit"),
        pytest.param("cursor=x", "cursor", "", id="unknown"),
    ],
)
def test_what_can_t_be_asked_is_named(caller: Caller, query: str, name: str, fault: str) -> None:
    answer = caller.get(f"/changes?{query}")

    assert answer.status_code == 400
    assert fault in answer.json["errors"][name][0]


def test_a_cursor_belongs_to_its_filters(caller: Caller) -> None:
    cursor = changes(caller, "kind=message")["next"]

    assert caller.get(f"/changes?after={cursor}").status_code == 400


def test_whoever_waits_is_answered_when_something_changes(
    service: Service, caller: Caller, point: Point
) -> None:
    bystander = make_caller(service, domain=make_domain())
    watch = waits(service)
    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        waiting = pool.submit(changes, caller, "after=now&wait=20")
        other = pool.submit(changes, bystander, "after=now&wait=2")
        until_waiting(watch, 2)
        service.hook(point, receipt(make_transid(), "Delivered"))

        assert [item["kind"] for item in waiting.result()["items"]] == ["delivery"]
        assert time.monotonic() - began < 10
        assert other.result()["items"] == []
    assert watch.waiting == 0


def test_nobody_waits_before_all_that_is_there_has_been_read(
    service: Service, caller: Caller, point: Point
) -> None:
    for _ in range(3):
        service.hook(point, receipt(make_transid(), "Delivered"))
    caller.record(transid=make_transid(), tag="otp", destinations=["447700900123"])
    began = time.monotonic()

    found = changes(caller, "tag=otp&limit=1&wait=20")

    assert [item["data"]["tag"] for item in found["items"]] == ["otp"]
    assert time.monotonic() - began < 10


def test_past_the_bound_nobody_waits(service: Service, caller: Caller) -> None:
    watch = FeedWatch(service.engine, most=1)
    first = threading.Thread(
        target=watch.wait, args=(caller.domain, None), kwargs={"until": time.monotonic() + 1}
    )
    first.start()
    until_waiting(watch, 1)

    began = time.monotonic()
    assert not watch.wait(caller.domain, None, until=began + 20)
    assert time.monotonic() - began < 10
    first.join()
    watch.close()


def test_a_send_is_answered_as_soon_as_it_has_its_outcome(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()

    def ask(seconds: int) -> Any:
        return caller.get(f"/sends/{transid}?wait={seconds}").json["summary"]

    assert caller.get(f"/sends/{transid}?wait=1").status_code == 404
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, 20)
        until_waiting(waits(service), 1)
        began = time.monotonic()
        service.hook(point, receipt(transid, "Submitted"))
        service.hook(point, receipt(transid, "Delivered"))
        assert waiting.result()["success"] == 1
        assert time.monotonic() - began < 10
    assert ask(20)["success"] == 1  # at once


def test_every_parameter_has_a_word_of_explanation() -> None:
    assert {"after", "wait", "limit", "kind", "point", "tag"} == ChangesQuery().fields.keys()
