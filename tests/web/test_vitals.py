"""How the database and what goes through it are, as alarms ask."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store import partitions, vitals
from receiver.store.database import connect
from receiver.web.health_shapes import DatabaseVitals, FlowHealth
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
from tests.web.test_health import NOWHERE

AT_ONCE = timedelta(0)


@pytest.fixture
def url(make_database: MakeDatabase) -> str:
    return make_database()


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    """A service that knows no patience: a send is waited for from the first moment."""
    with running(url, silence=AT_ONCE) as service:
        yield service


def asked(caller: Caller, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {caller.secret}"}
    answer = caller.service.client.get(path, headers=headers)
    return answer.status_code, answer.json


def record(caller: Caller) -> str:
    transid = make_transid()
    caller.record(transid=transid, destinations=["447700900123"], requested_at=ago(seconds=1))
    return transid


def test_a_database_with_all_it_needs_is_ok(url: str, service: Service) -> None:
    with connect(url) as worker:
        partitions.ensure(worker, today=datetime.now(UTC).date())
        worker.execute("SELECT pg_advisory_lock(%s)", [vitals.WORKER_LOCK])
        status, told = asked(make_caller(service), "/health/database")

    assert (status, told["status"]) == (200, "ok")
    assert DatabaseVitals().validate(told) == {}
    parts = told["parts"]
    assert parts["partitions"]["days_ahead"] == 14
    assert parts["connections"]["by_state"]["idle"] > 0
    timed = [part for name, part in parts.items() if name != "feed"]
    assert all(0 < part["ms"] < part["timeout_ms"] for part in timed)


def test_what_needs_somebody_is_degraded(service: Service) -> None:
    status, told = asked(make_caller(service), "/health/database")

    assert (status, told["status"]) == (200, "degraded")
    assert told["parts"]["worker"]["status"] == "absent"
    assert told["parts"]["partitions"]["status"] == "short"  # the template has two


def test_a_part_that_cannot_be_asked_hides_no_other(service: Service) -> None:
    caller = make_caller(service)
    with connect(service.url) as holding, holding.transaction():
        holding.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        watch = service.app.extensions["receiver"].vitals
        found = watch._ask()  # as it does in the background

    assert found.traffic.value is None
    assert found.traffic.took_seconds >= 1.9
    assert found.days_ahead.value == 2
    assert found.flows.value == ()
    assert asked(caller, "/health/flow")[0] == 200


def test_a_schema_that_is_behind_is_down(url: str) -> None:
    with running(url) as service:
        caller = make_caller(service)
        assert caller.get("/sends").status_code == 200  # so that the key is known
        with Session(service.engine) as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
            session.commit()
        status, told = asked(caller, "/health/database")

    assert (status, told["status"]) == (503, "down")
    assert told["parts"]["commit"]["status"] == "behind"
    assert told["parts"]["worker"]["status"] == "unknown"


def test_health_of_the_database_needs_a_key() -> None:
    with running(NOWHERE) as service:
        paths = ("/health/database", "/health/flow")
        assert [service.client.get(path).status_code for path in paths] == [401, 401]


def test_without_sends_there_is_no_silence(service: Service) -> None:
    status, told = asked(make_caller(service), "/health/flow")

    assert (status, told["status"], told["points"]) == (200, "idle", [])


def test_a_send_without_a_receipt_is_a_silence(service: Service) -> None:
    caller = make_caller(service)
    record(caller)

    status, told = asked(caller, "/health/flow")

    assert (status, told["status"], told["silence_seconds"]) == (503, "silent", 0)
    assert FlowHealth().validate(told) == {}
    (point,) = told["points"]
    assert (point["point"], point["waiting"]) == (None, 1)


def test_a_send_with_a_receipt_flows(service: Service) -> None:
    caller, point = make_caller(service), make_point(service)
    service.hook(point, receipt(record(caller), "Submitted"))

    status, told = asked(caller, "/health/flow")

    assert (status, told["status"]) == (200, "flowing")


def test_a_key_sees_the_flow_of_its_own_points(service: Service) -> None:
    mine, other = make_point(service), make_point(service)
    narrow = make_caller(service, point_ids=[mine.id])
    record(make_caller(service, point_ids=[other.id]))
    record(make_caller(service, domain="another"))
    record(narrow)

    _, told = asked(narrow, "/health/flow")

    assert [each["point"]["code"] for each in told["points"]] == [mine.code]


def test_what_nobody_can_say_is_no_metric(service: Service, url: str) -> None:
    with running(NOWHERE) as blind:
        told = blind.app.extensions["receiver"].vitals.look()
    assert told.flows.value is None

    record(make_caller(service))
    answer = service.client.get(
        "/metrics", headers={"Authorization": f"Bearer {make_caller(service).secret}"}
    ).text
    assert 'receiver_silent_sends{point=""} 1.0' in answer
    assert 'receiver_hour_sends{kind="recorded"} 1.0' in answer
    assert "receiver_partitions_ahead_days 2.0" in answer


def test_failures_are_told_by_codes_that_are_codes(service: Service) -> None:
    point = make_point(service)
    for code in ("7107", "7107", "447700900123", "a secret"):
        service.hook(point, receipt(make_transid(), "Failed", code=code))

    answer = service.client.get(
        "/metrics", headers={"Authorization": f"Bearer {make_caller(service).secret}"}
    ).text

    assert 'receiver_hour_failures{code="7107"} 2.0' in answer
    assert 'receiver_hour_failures{code="other"} 2.0' in answer
    assert "447700900123" not in answer
    assert "secret" not in answer
