"""Lists of deliveries: by what became of them, and by their sends."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.status import STATUSES
from receiver.store.points import Point
from receiver.web.shapes import DeliveryItem
from tests.web.listing import items, window
from tests.web.service import Caller, Service, make_caller, make_point, make_transid, receipt

NUMBER, MAIL = "447700900123", "a@example.org"
WINDOW = window()


def seen(answer: Any) -> list[tuple[str, str]]:
    return [(item["transid"], item["destination"]) for item in items(answer)]


def test_what_is_overdue_is_listed_at_any_time(
    service: Service, caller: Caller, point: Point
) -> None:
    late, other = make_transid(), make_transid()
    service.hook(point, receipt(late, "Submitted"))
    service.hook(point, receipt(other, "Submitted"))
    with Session(service.engine) as session:
        session.execute(
            text("UPDATE deliveries SET overdue = true WHERE transid = :t"), {"t": late}
        )
        session.commit()

    assert [item["transid"] for item in items(caller.get("/deliveries?overdue=true"))] == [late]
    assert caller.get("/deliveries?overdue=false").status_code == 400  # that needs a window
    assert caller.send(late)["deliveries"][0]["overdue"] is True
    assert sum(item["overdue"] for item in caller.get("/stats").json["items"]) == 1


def test_an_item_says_what_became_of_it_and_of_which_send_it_is(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    requested = "2026-07-20T17:13:16.000Z"
    recorded = caller.record(
        transid=transid, tag="otp", sender="DEMOBK", correlationid="c", requested_at=requested
    )
    service.hook(point, receipt(transid, "Delivered"))

    [item] = items(caller.get("/deliveries"))

    [shown] = caller.send(transid)["deliveries"]
    more = {"id", "send_id", "transid", "point", "channel", "sender", "tag", "recorded"}
    assert item.keys() == shown.keys() | more | {"requested_at", "known_at"}
    assert not DeliveryItem().validate(item)
    assert {name: item[name] for name in shown} == shown | {"correlationid": "c"}
    assert item["id"].isdigit()
    assert (item["send_id"], item["transid"]) == (recorded["id"], transid)
    assert item["point"] == {"id": str(point.id), "code": point.code}
    assert (item["channel"], item["sender"], item["tag"]) == ("sms", "DEMOBK", "otp")
    assert (item["recorded"], item["requested_at"]) == (True, requested)
    assert (item["status"], item["outcome"], item["latency_ms"]) == ("delivered", "success", 1908)


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    one, two, orphan = (make_transid() for _ in range(3))
    caller.record(
        transid=one,
        correlationid="c-1",
        tag="a",
        channel="sms",
        sender="DEMOBK",
        destinations=[{"value": NUMBER, "correlationid": "inner"}],
    )
    caller.record(transid=two, correlationid="c-2", tag="b", channel="email", destinations=[MAIL])
    service.hook(point, receipt(orphan, "Failed", code="7503", destination="447700900124"))
    service.hook(point, receipt(orphan, "Delivered", destination="447700900124"))
    failed = receipt(two, "Failed", destination=MAIL, destinationType="email", code="77")
    failed["deliveryInfoNotification"]["carrier"] = "USTMO"
    service.hook(point, failed)
    first, second, third = (one, NUMBER), (two, MAIL), (orphan, "447700900124")

    for query, found in {
        "": [third, second, first],
        f"transid={one}_0": [first],
        f"transid={one}&transid={two}": [second, first],
        "correlationid=c-1": [first],
        "correlationid=inner&correlationid=c-2": [second, first],
        "destination=%2B44+7700+900123": [first],
        "destination=00447700900124&destination=a@example.org": [third, second],
        "destination=a@example.org&status=delivered": [],
        "status=failed": [second],
        "status=delivered,failed": [third, second],
        "status=delivered&status=accepted&status=failed": [third, second, first],
        "outcome=pending": [first],
        "outcome=success,failure": [third, second],
        "outcome=success&status=failed": [],
        "code=7500&code=77": [third, second],
        "carrier=USTMO": [second],
        "conflict=true": [third],
        "conflict=false": [second, first],
        "channel=SMS": [third, first],
        "channel=email&channel=sms": [third, second, first],
        "sender=DEMOBK": [first],
        "tag=a&tag=b": [second, first],
        f"point={point.code}": [third, second],
        f"point={point.id}": [third, second],
        "recorded=true": [second, first],
        "recorded=false": [third],
    }.items():
        bounded = f"{query}&{WINDOW}"
        assert seen(caller.get(f"/deliveries?{bounded}")) == found, query
    for query in ("until=2020-01-01T00:00:00Z", "since=2090-01-01T00:00:00+01:00"):
        assert seen(caller.get(f"/deliveries?{query}")) == []


def test_the_status_unknown_is_found_by_its_name(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Wobbled"))

    [item] = items(caller.get(f"/deliveries?status=unknown&{WINDOW}"))

    assert (item["raw_status"], item["also"]) == ("Wobbled", "Wobbled")


@pytest.mark.parametrize("name", ["status", "outcome"])
@pytest.mark.parametrize("value", ["nonsense", "Delivered", "", "delivered,", "pending,x"])
def test_an_unknown_word_is_refused_with_those_that_there_are(
    caller: Caller, name: str, value: str
) -> None:
    answer = caller.get(f"/deliveries?{name}={value}&{WINDOW}")

    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])
    allowed = [status.name for status in STATUSES] if name == "status" else ["success", "complaint"]
    assert all(word in answer.json["errors"][name][0] for word in allowed)


@pytest.mark.parametrize("name", ["conflict", "recorded"])
def test_a_flag_is_true_or_false(caller: Caller, name: str) -> None:
    answer = caller.get(f"/deliveries?{name}=yes&{WINDOW}")

    assert (answer.status_code, answer.json["errors"]) == (400, {name: ["must be true or false"]})


def test_nobody_sees_other_points_or_domains(
    service: Service, caller: Caller, point: Point
) -> None:
    other = make_point(service, domain=caller.domain)
    mine, theirs = make_transid(), make_transid()
    service.hook(point, receipt(mine, "Delivered"))
    service.hook(other, receipt(theirs, "Delivered"))
    narrowed = make_caller(service, domain=caller.domain, point_ids=[point.id])
    stranger = make_caller(service, domain="elsewhere")

    assert [transid for transid, _ in seen(narrowed.get(f"/deliveries?{WINDOW}"))] == [mine]
    for query in (
        f"point={other.code}&{WINDOW}",
        f"transid={theirs}",
        "since=2020-01-01T00:00:00Z",  # refused
    ):
        assert theirs not in narrowed.get(f"/deliveries?{query}").text
    assert seen(stranger.get(f"/deliveries?transid={mine}&destination={NUMBER}")) == []
    for who, name in ((stranger, point.id), (narrowed, other.code)):
        answer = who.get(f"/deliveries?point={name}&{WINDOW}")
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["point"])


def test_numbers_are_masked_for_who_may_only_read(service: Service, caller: Caller) -> None:
    caller.record(transid=make_transid(), destinations=[NUMBER])
    masked = make_caller(service, domain=caller.domain, scopes=["read"])

    answer = masked.get(f"/deliveries?destination={NUMBER}")

    assert [item["destination"] for item in items(answer)] == ["*********123"]


def test_an_answer_is_304_until_a_delivery_changes(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    caller.record(transid=transid, destinations=[NUMBER])
    first = caller.get("/deliveries")
    tag = {"If-None-Match": first.headers["ETag"]}

    assert first.headers["Receiver-Ledger"] == "complete=true; spooled=0; oldest=0"
    assert caller.get("/deliveries", headers=tag).status_code == 304
    service.hook(point, receipt(transid, "Submitted"))
    assert caller.get("/deliveries").headers["ETag"] != first.headers["ETag"]
    service.app.extensions["receiver"].polls.forget(caller.domain)  # whoever polls waits a second
    assert caller.get("/deliveries", headers=tag).status_code == 200
