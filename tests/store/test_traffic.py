"""What went through, and whether receipts still come, by the ledger of one database."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store import stats, traffic, vitals
from receiver.store.database import connect
from receiver.store.partitions import ensure
from receiver.store.traffic import Flow, Traffic
from tests.conftest import MakeDatabase
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_point,
    make_transid,
    receipt,
    running,
)

SILENCE = timedelta(minutes=15)


@pytest.fixture
def service(make_database: MakeDatabase) -> Iterator[Service]:
    with running(make_database()) as service:
        yield service


@pytest.fixture
def caller(service: Service) -> Caller:
    return make_caller(service)


def record(caller: Caller) -> str:
    transid = make_transid()
    caller.record(transid=transid, destinations=["447700900123"], requested_at=ago(seconds=1))
    return transid


def flows(service: Service, *, later: timedelta) -> list[Flow]:
    """Return the flows as they will look after a while in which nothing happens."""
    with Session(service.engine) as session:
        return list(traffic.flows(session, datetime.now(UTC) + later, SILENCE))


def waiting(service: Service, *, later: timedelta = 2 * SILENCE) -> list[int]:
    return [flow.waiting for flow in flows(service, later=later)]


def test_sends_that_nobody_reports_on_are_a_silence(service: Service, caller: Caller) -> None:
    assert flows(service, later=SILENCE) == []
    before = datetime.now(UTC)
    record(caller)
    record(caller)

    assert waiting(service, later=SILENCE / 2) == [0]  # there is still time
    (flow,) = flows(service, later=2 * SILENCE)
    assert (flow.domain, flow.point_id, flow.code, flow.waiting) == ("default", None, None, 2)
    assert flow.since is not None
    assert flow.since >= before
    assert waiting(service, later=timedelta(hours=25)) == [0]  # that is for `overdue`


def test_what_was_heard_of_ends_a_silence(service: Service, caller: Caller) -> None:
    point = make_point(service)
    record(caller)
    second = record(caller)
    service.hook(point, receipt(second, "Submitted"))

    assert waiting(service) == [0]  # the first is alone in being late

    record(caller)
    assert waiting(service) == [1]


def test_any_receipt_of_late_ends_a_silence(service: Service) -> None:
    point = make_point(service)
    record(make_caller(service, point_ids=[point.id]))
    with Session(service.engine) as session:
        session.execute(text("UPDATE sends SET recorded_at = recorded_at - interval '1 h'"))
        session.commit()
    now = timedelta(0)
    assert waiting(service, later=now) == [1]

    service.hook(point, receipt(make_transid(), "Read"))

    assert waiting(service, later=now) == [0, 0]


def test_what_is_reported_elsewhere_is_not_waited_for(service: Service, caller: Caller) -> None:
    record(caller)
    with Session(service.engine) as session:
        session.execute(text("UPDATE sends SET reports_elsewhere = true"))
        session.commit()

    assert waiting(service) == [0]


def test_points_are_silent_one_by_one(service: Service) -> None:
    talking, silent = make_point(service), make_point(service)
    for point in (talking, silent):
        transid = record(make_caller(service, point_ids=[point.id]))
        if point is talking:
            service.hook(talking, receipt(transid, "Submitted"))

    found = flows(service, later=2 * SILENCE)

    assert [(each.code, each.waiting) for each in found] == [(silent.code, 1), (talking.code, 0)]


def test_what_went_through_is_counted_with_its_failures(service: Service, caller: Caller) -> None:
    point = make_point(service)
    service.hook(point, receipt(record(caller), "Failed", code="7107"))
    service.hook(point, receipt(make_transid(), "Delivered"))
    make_caller(service, domain="another")

    def lately(*, hours: int = 0) -> Mapping[str, Traffic]:
        with Session(service.engine) as session:
            return traffic.lately(session, datetime.now(UTC) + timedelta(hours=hours))

    waiting = lately()
    with connect(service.url) as connection:
        assert stats.fold(connection) > 0

    assert lately() == waiting
    assert waiting.keys() == {"default"}
    counts = waiting["default"].counts
    assert (counts.sends, counts.orphans, counts.success, counts.failure) == (2, 1, 1, 1)
    assert waiting["default"].failures == {"7107": 1}
    assert lately(hours=2) == {}


def test_partitions_are_ahead_as_far_as_all_tables_have_them(service: Service) -> None:
    today = datetime.now(UTC).date()

    def ahead(day: timedelta = timedelta(0)) -> int:
        with Session(service.engine) as session:
            return vitals.days_ahead(session, today + day)

    assert ahead() == 2  # those of the template
    with connect(service.url) as connection:
        ensure(connection, today=today)
        assert ahead() == 14
        connection.execute(f"DROP TABLE messages_{today + timedelta(days=5):%Y%m%d}")
    assert ahead() == 4
    assert ahead(timedelta(days=20)) == -1


def test_a_worker_is_known_by_its_lock(service: Service) -> None:
    def works() -> bool:
        with Session(service.engine) as session:
            return vitals.worker_works(session)

    assert not works()
    with connect(service.url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [vitals.WORKER_LOCK])
        assert works()


def test_connections_are_told_by_what_they_do(service: Service) -> None:
    with connect(service.url) as waiting, connect(service.url) as holding:
        with holding.transaction():
            holding.execute("SELECT 1")
            with Session(service.engine) as session:
                found = vitals.connections(session)
        waiting.execute("SELECT 1")

    assert found.by_state["idle"] >= 1
    assert found.by_state["idle_in_transaction"] >= 1
    assert found.by_state["active"] >= 1
    assert found.most >= 20
