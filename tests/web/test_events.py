"""Events and calls: what else the platform tells, as lists."""

from typing import Any

from receiver.store.points import Point
from tests.web.service import Caller, Service, ago, make_transid

CALL = {
    "event": "ANSWERED",
    "sessionId": "call-1",
    "from": "447700900123",
    "to": "442079460000",
    "correlationid": "c",
}


def click(**more: Any) -> dict[str, Any]:
    return {"channel": "sms", "event": "click", "tid": make_transid(), "oa": "4477009", **more}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    transid, other = make_transid(), make_transid()
    call, first, second = (
        service.hook(point, body).json["id"]
        for body in (CALL, click(transid=f"{transid}_0", tid="t"), click(transid=other))
    )
    recent = f"since={ago(days=1)}&until={ago(days=-1)}"

    for query, found in {
        "": [second, first, call],
        f"kind=call&{recent}": [call],
        f"kind=event&{recent}": [second, first],
        f"name=click&{recent}": [second, first],
        "tid=call-1": [call],
        "tid=t": [first],
        f"transid={transid}": [first],
        f"transid={transid}_0&name=click": [first],
        f"transid={other}&until={ago(days=1)}": [],
        "transid=unknown": [],
        f"correlationid=c&{recent}": [call],
        "from=4477009": [second, first],
        f"to=442079460000&{recent}": [call],
        f"channel=voice&{recent}": [call],
        f"point={point.code}&{recent}": [second, first, call],
    }.items():
        assert ids(caller.get(f"/events?{query}")) == found, query


def test_an_item_looks_like_a_message(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    service.hook(point, click(transid=transid))

    [item] = caller.get("/events").json["items"]

    assert (item["kind"], item["name"], item["transid"]) == ("event", "click", transid)


def test_what_has_no_index_needs_a_time(caller: Caller) -> None:
    for query in ("kind=call", "name=x", "correlationid=c", "point=x", "channel=sms"):
        answer = caller.get(f"/events?{query}")
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["since", "until"])
    answer = caller.get("/events?kind=message&tid=x")
    assert answer.json["errors"] == {"kind": ["must be one of event, call, profile"]}
