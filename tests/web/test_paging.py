"""Pages under writes: whoever turns them sees each row that was there throughout, once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.store.points import Point
from tests.web.listing import pages, window
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_point,
    make_transid,
    receipt,
)

ROWS = 40


def test_pages_of_sends_lose_and_repeat_none_while_rows_come_and_change(
    service: Service, caller: Caller, point: Point
) -> None:
    there = [make_transid() for _ in range(ROWS)]
    for transid in there:
        service.hook(point, receipt(transid, "Submitted"))
    seen: list[str] = []

    for number, page in enumerate(
        pages(caller, f"/sends?limit=7&state=unrecorded,accepted&{window()}")
    ):
        seen += [item["transid"] for item in page]
        service.hook(point, receipt(make_transid(), "Submitted"))  # a new one
        service.hook(point, receipt(there[number], "Delivered"))  # one that is still to come
        caller.record(transid=there[-1 - number], tag="late")  # an orphan gets its send

    assert seen == there[::-1]


def test_pages_of_deliveries_lose_and_repeat_none_while_they_change(
    service: Service, caller: Caller, point: Point
) -> None:
    other = make_point(service, domain=caller.domain)
    there = [make_transid() for _ in range(ROWS)]
    for transid in there:
        service.hook(point, receipt(transid, "Submitted"))
    seen: list[str] = []

    query = f"limit=7&outcome=success&outcome=pending&channel=sms&{window()}"
    for number, page in enumerate(pages(caller, f"/deliveries?{query}")):
        seen += [item["transid"] for item in page]
        service.hook(other, receipt(make_transid(), "Delivered"))
        for transid in (there[number], there[-1 - number]):
            service.hook(point, receipt(transid, "Delivered"))
            service.hook(point, receipt(transid, "Read"))

    assert seen == there[::-1]


def test_a_send_that_came_late_is_in_the_window_in_which_it_was_accepted(
    service: Service, caller: Caller
) -> None:
    names = [make_transid() for _ in range(5)]
    for transid in names:
        caller.record(transid=transid)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    late = names[3]
    accept(service, late, an_hour_ago)

    def found(since: datetime, until: datetime) -> Sequence[str]:
        ends = {"since": since.isoformat(), "until": until.isoformat()}
        answer = caller.get("/sends", query_string={**ends, "state": "accepted"})
        return [item["transid"] for item in answer.json["items"]]

    minute = timedelta(minutes=1)
    assert found(an_hour_ago - minute, an_hour_ago + minute) == [late]
    assert found(an_hour_ago, an_hour_ago + minute) == [late]
    assert found(an_hour_ago - minute, an_hour_ago) == []
    assert late not in found(an_hour_ago + minute, datetime.now(UTC) + minute)


def accept(service: Service, transid: str, at: datetime) -> None:
    """Let a send be accepted at another time, as if a spool had kept it since."""
    with service.engine.begin() as connection:
        statement = "UPDATE sends SET recorded_at = %s WHERE transid = %s"
        connection.exec_driver_sql(statement, (at, transid))


@pytest.mark.parametrize("path", ["/sends", "/deliveries", "/messages"])
def test_since_may_not_lie_after_until(caller: Caller, path: str) -> None:
    answer = caller.get(f"{path}?since=2026-07-20T17:13:18Z&until=2026-07-20T17:13:17Z")

    assert (answer.status_code, list(answer.json["errors"])) == (400, ["since"])


@pytest.mark.parametrize(
    ("query", "served"),
    [
        pytest.param("", True, id="all"),
        pytest.param("since=2020-01-01T00:00:00Z", True, id="all since"),
        pytest.param("transid=t&channel=sms", True, id="few"),
        pytest.param("correlationid=c&recorded=true", True, id="few by correlationid"),
        pytest.param("destination=447700900123&tag=a&tag=b", True, id="few by destination"),
        pytest.param("channel=sms", False, id="channel"),
        pytest.param("recorded=true", False, id="recorded"),
        pytest.param("point={point.code}", False, id="point"),
        pytest.param("sender=s", False, id="sender"),
        pytest.param("tag=a&tag=b", False, id="tags"),
        pytest.param("tag=a&channel=sms", False, id="tag and channel"),
    ],
)
@pytest.mark.parametrize("path", ["/sends", "/deliveries"])
def test_what_no_index_serves_needs_a_window(
    caller: Caller, point: Point, path: str, query: str, *, served: bool
) -> None:
    query = query.format(point=point)
    alone = caller.get(f"{path}?{query}")
    bounded = caller.get(f"{path}?{query}&{window(days=30.9)}") if "since" not in query else alone

    assert bounded.status_code == 200, bounded.json
    assert alone.status_code == (200 if served else 400)
    if not served:
        assert errors_of(alone) == {"since", "until"}
        assert errors_of(caller.get(f"{path}?{query}&since=2026-07-01T00:00:00Z")) == {"until"}
        wide = caller.get(f"{path}?{query}&{window(days=32)}")
        assert errors_of(wide) == {"since", "until"}
        assert "31 days" in wide.json["detail"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/sends", ""),
        ("/sends", "tag=a"),
        ("/sends", "since=2020-01-01T00:00:00Z"),
        ("/deliveries", "overdue=true"),
        ("/messages", ""),
    ],
)
def test_a_narrowed_key_needs_a_window_where_no_more_than_points_narrows(
    service: Service, caller: Caller, point: Point, path: str, query: str
) -> None:
    narrowed = make_caller(service, domain=caller.domain, point_ids=[point.id])

    assert caller.get(f"{path}?{query}").status_code == 200
    assert "until" in errors_of(narrowed.get(f"{path}?{query}"))
    assert narrowed.get(f"{path}?{window()}").status_code == 200
    few = "tid=t" if path == "/messages" else "transid=t"
    assert narrowed.get(f"{path}?{few}").status_code == 200


def errors_of(answer: Any) -> set[str]:
    assert answer.status_code == 400
    return set(answer.json["errors"])


def test_a_tag_alone_is_served_for_sends_only(caller: Caller) -> None:
    assert caller.get("/sends?tag=a").status_code == 200
    assert errors_of(caller.get("/deliveries?tag=a")) == {"since", "until"}


def test_a_filter_has_at_most_a_hundred_values(caller: Caller) -> None:
    many = "&".join(f"transid={number}" for number in range(101))

    assert errors_of(caller.get(f"/sends?{many}")) == {"transid"}


@pytest.mark.parametrize("parameter", ["limit=1", "since=2026-07-01T00:00:00Z", "recorded=true"])
def test_what_has_one_value_may_not_be_repeated(caller: Caller, parameter: str) -> None:
    answer = caller.get(f"/sends?{parameter}&{parameter}")

    assert errors_of(answer) == {parameter.partition("=")[0]}
