"""Statistics over HTTP: what is counted, told apart and compared, and how far one may ask."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from receiver.store.database import connect
from receiver.store.points import Point
from receiver.store.retention.gone import keep_in_mind
from receiver.web.feed_shapes import Stats
from tests.web.service import Caller, Service, ago, make_caller, make_point, make_transid, receipt

HOUR = timedelta(hours=1)


def stats(caller: Caller, query: str = "") -> Any:
    answer = caller.get(f"/stats?{query}")
    assert answer.status_code == 200, answer.json
    assert Stats().validate(answer.json) == {}
    return answer.json


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def told(caller: Caller, query: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(item[name] for name in names) for item in stats(caller, query)["items"]]


def test_the_last_day_is_counted_by_the_hour(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    caller.record(transid=transid, destinations=["447700900123"], requested_at=ago(minutes=1))
    service.hook(point, receipt(transid, "Delivered", timeStamp=ago(seconds=50)))
    service.hook(point, receipt(make_transid(), "Un-Delivered"))

    found = stats(caller)

    assert (found["bucket"], found["by"], found["percentile_error"]) == ("hour", [], 0.05)
    assert 24 <= len(found["items"]) <= 26  # those without anything too
    total = {
        name: sum(item[name] for item in found["items"])
        for name in ("sends", "orphans", "deliveries", "success", "failure", "pending")
    }
    assert total == {
        "sends": 2,
        "orphans": 1,
        "deliveries": 2,
        "success": 1,
        "failure": 1,
        "pending": 0,
    }
    (timed,) = (item["ttd_ms"] for item in found["items"] if item["ttd_ms"]["n"])
    assert timed["p50"] == pytest.approx(10_000, rel=0.05)


def test_counts_are_told_apart_by_what_is_asked(
    service: Service, caller: Caller, point: Point
) -> None:
    other = make_point(service, domain=caller.domain)
    service.hook(point, receipt(make_transid(), "Delivered", deliveryChannel="rcs"))
    service.hook(other, receipt(make_transid(), "Delivered"))
    service.hook(other, receipt(make_transid(), "Clicked"))
    day = "bucket=day&"

    assert told(caller, f"{day}by=channel", "channel", "sends", "success") == [
        ("rcs", 1, 1),
        ("sms", 2, 2),
    ]
    assert told(caller, f"{day}by=status", "status", "deliveries", "sends") == [
        ("clicked", 1, None),
        ("delivered", 2, None),
    ]
    assert told(caller, f"{day}by=outcome,channel", "channel", "outcome", "deliveries") == [
        ("rcs", "success", 1),
        ("sms", "success", 2),
    ]
    by_point = {
        item["point"]["code"]: item["sends"] for item in stats(caller, f"{day}by=point")["items"]
    }
    assert by_point == {point.code: 1, other.code: 2}
    narrowed = make_caller(service, domain=caller.domain, point_ids=[other.id])
    assert told(narrowed, f"{day}by=channel", "channel", "sends") == [("sms", 2)]


def test_a_span_is_compared_with_the_one_before(caller: Caller) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    caller.record(transid=make_transid(), destinations=["1"], requested_at=at(yesterday))

    found = stats(caller, f"since={at(yesterday + HOUR)}&compare=1d")
    days = stats(caller, "bucket=day&compare=7d")

    assert sum(item["sends"] for item in found["items"]) == 0
    assert sum(item["compared"]["sends"] for item in found["items"]) == 1
    assert sum(item["compared"]["sends"] for item in days["items"]) == 0


def test_buckets_are_whole(caller: Caller) -> None:
    found = stats(caller, "since=2026-01-01T10:20:00Z&until=2026-01-01T12:00:00Z")

    assert (found["since"], found["until"]) == (
        "2026-01-01T10:00:00.000Z",
        "2026-01-01T12:00:00.000Z",
    )
    assert [item["at"][11:16] for item in found["items"]] == ["10:00", "11:00"]


@pytest.mark.parametrize(
    ("query", "name", "fault"),
    [
        pytest.param("bucket=week", "bucket", "minute, hour or day", id="bucket"),
        pytest.param("by=colour", "by", "must be one of status", id="dimension"),
        pytest.param("compare=2d", "compare", "1d, 7d", id="comparison"),
        pytest.param(
            "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            "since",
            "after until",
            id="back",
        ),
        pytest.param(
            "since=2025-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "bucket", "92 days", id="fine"
        ),
        pytest.param(
            "since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z&bucket=minute",
            "since",
            "8 days",
            id="minutes",
        ),
        pytest.param(
            f"since={ago(days=3)}&until={ago(days=2.9)}&bucket=minute&compare=7d",
            "since",
            "8 days",
            id="compared minutes",
        ),
        pytest.param("limit=3", "limit", "there are bucket, by, compare, since", id="unknown"),
    ],
)
def test_what_can_t_be_asked_is_named(caller: Caller, query: str, name: str, fault: str) -> None:
    answer = caller.get(f"/stats?{query}")

    assert answer.status_code == 400
    assert fault in answer.json["errors"][name][0]


def test_it_tells_from_when_on_what_is_counted_is_there(service: Service, caller: Caller) -> None:
    assert stats(caller)["ledger_since"] is None
    with connect(service.url) as connection:
        keep_in_mind(connection, "deliveries", date(2025, 10, 18))
        found = stats(caller)
        connection.execute("DELETE FROM kept_from")  # the other tests' database, too

    assert found["ledger_since"] == "2025-10-18T00:00:00.000Z"
