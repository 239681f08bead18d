"""What the platform was asked, and what came of it, where a send is shown."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from receiver.domain.facts import Source, stamp
from receiver.domain.questions import Finding
from receiver.domain.sends import send_id
from receiver.platform.statuses import understand
from receiver.store import questions
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.points import Point
from tests.platform.standin import status_of
from tests.web.service import Caller, Service, ago, make_caller, make_transid, receipt

NOW = datetime.now(UTC)


def ask(
    service: Service,
    caller: Caller,
    transid: str,
    finding: Finding,
    *,
    name: str = "",
    minutes: int = 1,
    http: int | None = 200,
    code: str = "",
) -> None:
    """Note a question, so many minutes ago, as the worker does."""
    with connect(service.url) as connection:
        query = "SELECT seq FROM sends WHERE id = %s"
        ((seq,),) = connection.execute(query, [send_id(caller.domain, transid)]).fetchall()
        at = NOW - timedelta(minutes=minutes)
        id_ = questions.begin(connection, seq, asked_as=name or transid, asked_at=at)
        assert id_ is not None
        questions.end(connection, id_, finding, http=http, code=code)


def answer(service: Service, caller: Caller, point: Point, raw: bytes, transid: str) -> None:
    facts = [
        stamp(
            status.receipt,
            domain=caller.domain,
            point_id=point.id,
            source=Source.RECONCILED,
            raw=status.raw,
        )
        for status in understand(200, raw, transid=transid).statuses
    ]
    with connect(service.url) as connection:
        apply(connection, facts)


def record(caller: Caller, point: Point) -> str:
    transid = make_transid()
    caller.record(
        transid=transid, channel="sms", destinations=["447700900123"], requested_at=ago(days=2)
    )
    return transid


def test_a_send_that_was_never_asked_about_says_so(caller: Caller, point: Point) -> None:
    assert caller.send(record(caller, point))["questions"] == []


def test_what_was_asked_is_shown_whatever_came_of_it(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = record(caller, point)
    ask(service, caller, transid, Finding.REFUSED, http=401, code="7001", minutes=9)
    ask(service, caller, transid, Finding.UNREACHABLE, http=None, minutes=5)
    ask(service, caller, transid, Finding.UNKNOWN, http=404, minutes=2)
    ask(service, caller, transid, Finding.NOTHING, name=f"{transid}_0", minutes=1)

    for each in (caller, make_caller(service, domain=caller.domain, scopes=["read"])):
        asked = each.send(transid)["questions"]
        said = [(q["asked_as"], q["finding"], q["http"], q["code"]) for q in asked]
        assert said == [
            (transid, "refused", 401, "7001"),
            (transid, "unreachable", None, ""),
            (transid, "unknown", 404, ""),
            (f"{transid}_0", "nothing", 200, ""),
        ]
        assert datetime.fromisoformat(asked[3]["asked_at"]) == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("own_first", [True, False])
def test_the_platforms_own_receipt_decides_and_the_answer_stands_beside_it(
    service: Service, caller: Caller, point: Point, *, own_first: bool
) -> None:
    transid = record(caller, point)
    raw = json.dumps([status_of(transid, "delivered", error_code="7500")]).encode()
    if not own_first:
        answer(service, caller, point, raw, transid)
    service.hook(point, receipt(transid, "Delivered", code=""))
    if own_first:
        answer(service, caller, point, raw, transid)

    send = caller.send(transid)

    (delivery,) = send["deliveries"]
    assert (delivery["status"], delivery["raw_status"]) == ("delivered", "Delivered")
    told = [(e["source"], e["decisive"]) for e in send["timeline"] if e["kind"] == "receipt"]
    assert sorted(told) == [("hook", True), ("reconciled", False)]


def test_an_answer_that_decides_is_marked(service: Service, caller: Caller, point: Point) -> None:
    transid = record(caller, point)
    service.hook(point, receipt(transid, "Submitted"))
    raw = json.dumps([status_of(transid, "expired")]).encode()
    answer(service, caller, point, raw, transid)

    send = caller.send(transid)

    assert send["deliveries"][0]["status"] == "undelivered"
    (entry,) = [e for e in send["timeline"] if e["decisive"]]
    assert (entry["source"], entry["raw_status"]) == ("reconciled", "expired")


def test_questions_are_counted_for_prometheus(
    service: Service, caller: Caller, point: Point
) -> None:
    ask(service, caller, record(caller, point), Finding.TOLD)
    headers = {"Authorization": f"Bearer {caller.secret}"}

    said = service.client.get("/metrics", headers=headers).text

    assert 'receiver_questions_total{finding="busy"} 0.0' in said
    assert 'receiver_questions_total{finding="told"}' in said
