"""API keys: who may ask for what, and how much of it is shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.store import keys
from receiver.store.points import Point
from tests.web.listing import window
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


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic eDp5", "x"])
def test_without_a_good_key_it_is_401(service: Service, header: str) -> None:
    answer = service.client.get("/api/v1/sends", headers={"Authorization": header})

    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_key_is_401(service: Service) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)

    assert make_caller(service, expires_at=past).get("/sends").status_code == 401


def test_a_revoked_key_is_401(service: Service, caller: Caller) -> None:
    with Session(service.engine) as session:
        keys.revoke(session, caller.secret[:11])
        session.commit()

    assert caller.get("/sends").status_code == 401


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["send"], "GET", "/sends", 403),
        (["send"], "GET", "/sends/x", 403),
        (["send"], "GET", "/messages", 403),
        (["admin"], "GET", "/sends", 403),
        (["read"], "POST", "/sends", 403),
        (["read:pii"], "PATCH", "/sends/x", 403),
        (["read"], "GET", "/sends", 200),
        (["read:pii"], "GET", "/messages", 200),
    ],
)
def test_a_scope_is_needed_and_named(
    service: Service, scopes: list[str], method: str, path: str, status: int
) -> None:
    caller = make_caller(service, domain=make_domain(), scopes=scopes)

    answer = caller._open(method, path)

    assert answer.status_code == status
    if status == 403:
        assert any(scope in answer.json["detail"] for scope in keys.SCOPES)


def test_a_sender_records_and_completes(service: Service) -> None:
    caller = make_caller(service, domain=make_domain(), scopes=["send"])

    id_ = caller.record(destinations=["447700900123"])["id"]

    assert caller.patch(f"/sends/{id_}", json={"transid": make_transid()}).status_code == 200


def test_nothing_crosses_a_domain(service: Service, caller: Caller, point: Point) -> None:
    other = make_caller(service, domain=make_domain())
    transid = make_transid()
    service.hook(point, receipt(transid, "Delivered"))
    service.hook(point, message(tid="t"))
    own = caller.record(transid=transid, tag="mine")
    registered = caller.record(destinations=["4"])["id"]

    for name in (transid, own["id"], registered):
        assert other.get(f"/sends/{name}").status_code == 404
    assert other.get("/sends").json["items"] == other.get("/messages").json["items"] == []
    assert other.patch(f"/sends/{registered}", json={"transid": "x"}).status_code == 404
    assert other.record(transid=transid, tag="other")["differs"] == []
    assert other.send(transid)["deliveries"] == []


def test_a_narrowed_key_sees_its_points_alone(service: Service, caller: Caller) -> None:
    one, two = (make_point(service, domain=caller.domain) for _ in range(2))
    narrowed = make_caller(service, domain=caller.domain, point_ids=[one.id])
    transids = {point.id: make_transid() for point in (one, two)}
    for point in (one, two):
        service.hook(point, receipt(transids[point.id], "Delivered"))
        service.hook(point, message(tid=point.code))
    unplaced = caller.record(transid=make_transid())["transid"]
    own = narrowed.record(transid=make_transid())["transid"]

    listed = {item["transid"] for item in narrowed.get(f"/sends?{window()}").json["items"]}
    assert listed == {transids[one.id], own}
    messages = narrowed.get(f"/messages?{window()}").json["items"]
    assert [each["tid"] for each in messages] == [one.code]
    for hidden in (transids[two.id], unplaced):
        assert narrowed.get(f"/sends/{hidden}").status_code == 404
    assert narrowed.get(f"/messages/{two.code}").status_code == 404
    assert caller.send(own)["point"]["id"] == str(one.id)


def test_without_pii_numbers_and_texts_are_masked(
    service: Service, caller: Caller, point: Point
) -> None:
    masked = make_caller(service, domain=caller.domain, scopes=["read"])
    transid, mail = make_transid(), make_transid()
    said = "550 <jo@example.org> rejected for 447700900123"
    service.hook(point, receipt(transid, "Failed", additionalInfo=said))
    service.hook(point, receipt(mail, "Read", destination="jo@example.org"))
    service.hook(point, message(text="secret words", profileName="Jo Secret", subject="secret"))
    caller.record(
        transid=transid,
        sender="DEMOBK",
        destinations=["447700900123"],
        text="secret words",
        callback_data="jo@example.org",
        metadata={"name": "secret", "of": [447700900123]},
        requested_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    )

    shown: Any = masked.send(transid)
    assert shown["deliveries"][0]["destination"] == "*********123"
    assert shown["timeline"][0]["destination"] == "*********123"
    assert shown["replies"][0]["from"] == "*********123"
    assert (shown["text"], shown["replies"][0]["text"]) == ("***", "***")
    for path in ("/sends", f"/sends/{transid}", f"/sends/{mail}", "/messages"):
        said = masked.get(path).text
        for private in ("447700900123", "secret", "jo@example", "Secret"):
            assert private not in said, path
    listed = masked.get("/sends?destination=447700900123").json["items"]
    assert [item["transid"] for item in listed] == [transid]
    clear = make_caller(service, domain=caller.domain, scopes=["read:pii"]).send(transid)
    assert clear["deliveries"][0]["destination"] == "447700900123"


def test_a_deleted_point_is_still_named(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain)
    transid = make_transid()
    service.hook(point, receipt(transid, "Delivered"))
    with Session(service.engine) as session:
        session.execute(
            text("UPDATE integration_points SET deleted_at = now() WHERE id = :id"),
            {"id": point.id},
        )
        session.commit()

    assert caller.send(transid)["point"] == {"id": str(point.id), "code": point.code}
