"""One send in a ledger of many days: what is asked for it must not grow with them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from receiver.store import partitions
from receiver.store.database import connect
from receiver.store.points import Point
from receiver.web.rooms import Rooms
from tests.conftest import MakeDatabase
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_point,
    make_transid,
    message,
    receipt,
    running,
)

DAYS = 100
#: More often than psycopg and Postgres need to keep a plan for whatever is asked.
OFTEN = 15
_LOCKED = """
    SELECT relname FROM pg_locks JOIN pg_class c ON c.oid = relation
     WHERE pid = pg_backend_pid() AND relispartition AND relkind = 'r'
    """


@pytest.fixture(scope="module")
def service(make_database: MakeDatabase) -> Iterator[Service]:
    """The application on a ledger of many days."""
    url = make_database()
    today = datetime.now(UTC).date()
    with connect(url) as connection:
        partitions.ensure_days(connection, [today - timedelta(days=n) for n in range(DAYS)])
    with running(url) as service:
        yield service


@pytest.fixture
def caller(service: Service) -> Caller:
    return make_caller(service)


@pytest.fixture
def point(service: Service) -> Point:
    return make_point(service)


def partitions_of_each_request(service: Service) -> list[set[str]]:
    """Partitions that transactions lock, when they end: those that their plans have."""
    rooms: Rooms = service.app.extensions["receiver"]
    seen: list[set[str]] = []

    @event.listens_for(rooms.engine, "rollback")
    def look(connection: Connection) -> None:
        cursor: Any = connection.connection.cursor()
        seen.append({name for (name,) in cursor.execute(_LOCKED).fetchall()})

    return seen


def test_a_send_locks_no_days_but_its_window_and_those_of_what_names_it(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    requested = datetime.now(UTC) - timedelta(days=20)
    caller.record(
        transid=transid, destinations=["447700900123"], requested_at=requested.isoformat()
    )
    service.hook(point, receipt(transid, "Delivered"))
    service.hook(point, message(transid=transid))
    service.hook(point, {"channel": "sms", "event": "click", "transid": transid})
    seen = partitions_of_each_request(service)

    shown = [caller.send(transid) for _ in range(OFTEN)]

    assert {len(each["replies"]) for each in shown} == {1}
    assert {entry["kind"] for entry in shown[0]["timeline"]} == {
        "request",
        "receipt",
        "event",
        "reply",
    }
    today = datetime.now(UTC).date()
    window = [requested.date() + timedelta(days=n) for n in range(4)]
    found = {
        *named("messages", *window, today),
        *named("platform_events", today),
        *named("receipts", today),
    }
    assert seen == [found] * OFTEN


def named(table: str, *days: date) -> set[str]:
    return {f"{table}_{day:%Y%m%d}" for day in days}


def test_what_arrived_for_a_send_is_looked_for_on_its_days_alone(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Delivered", destination="4477009"))
    service.hook(point, {"channel": "sms", "event": "click", "transid": transid})
    today = datetime.now(UTC).date()
    days = today - timedelta(days=1), today  # the day before may hold what came twice
    seen = partitions_of_each_request(service)

    for path, table in {
        f"/receipts?transid={transid}": "receipts",
        "/receipts?destination=4477009": "receipts",
        f"/receipts?transid={transid}&since={ago(days=50)}&until={ago(days=-50)}": "receipts",
        f"/events?transid={transid}": "platform_events",
    }.items():
        seen.clear()
        for _ in range(OFTEN):
            assert len(caller.get(path).json["items"]) == 1
        assert seen == [named(table, *days)] * OFTEN, path


def test_a_full_page_looks_no_further_than_the_newest(
    service: Service, caller: Caller, point: Point
) -> None:
    service.hook(point, [message() for _ in range(3)])
    seen = partitions_of_each_request(service)

    month = f"since={ago(days=29)}&until={ago(days=-1)}"
    for path in ("/messages?limit=2", f"/messages?limit=2&channel=sms&{month}"):
        for _ in range(OFTEN):
            assert len(caller.get(path).json["items"]) == 2

    today = datetime.now(UTC).date()
    older = named("messages", *(today - timedelta(days=n) for n in range(3, DAYS)))
    assert len(seen) == 2 * OFTEN
    assert not set().union(*seen) & older
