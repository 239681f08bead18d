"""Replaying: the ledger learns late what it would have known at once, and nothing else."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact, Receipt, Source
from receiver.platform.recognise import recognise
from receiver.sealing import Sealer
from receiver.store import recordings
from receiver.store.database import connect
from receiver.store.points import Point
from tests.store.ledgers import folded, stored
from tests.web.listing import items
from tests.web.quarantined import held, keep, options, replay, results, show
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
from tests.web.test_admission import OTHERS, SECRET, make_signed, sealer_of, signed
from tests.web.test_admission import keep as keep_secrets

INSIDE, OUTSIDE = ({"REMOTE_ADDR": address} for address in ("198.51.100.7", "203.0.113.7"))


def status(caller: Caller, transid: str) -> str:
    return str(caller.send(transid)["deliveries"][0]["status"])


@pytest.mark.parametrize(
    "reason", ["not_json", "unrecognised", "bad_field", "disabled", "apply_failed"]
)
def test_what_is_understood_by_now_reaches_the_ledger(
    service: Service, caller: Caller, point: Point, reason: str
) -> None:
    transid = make_transid()
    raw = json.dumps(receipt(transid, "Delivered")).encode()
    id_ = keep(service.url, point, raw, reason)
    before = show(caller, id_)

    answer = replay(caller, id_)

    assert answer == {
        "id": id_,
        "state": "replayed",
        "results": [{"result": "accepted", "kind": "receipt", "id": id_}],
    }
    assert status(caller, transid) == "delivered"
    [entry] = caller.send(transid)["timeline"]
    assert (entry["source"], entry["accepted_at"]) == ("replay", before["accepted_at"])
    [line] = items(caller.get("/audit?what=quarantine.replay"))
    assert (line["ids"], line["before"]["state"], line["after"]) == (
        [id_],
        "open",
        {"state": "replayed", "results": {"accepted": 1}, "trust": False},
    )


def test_what_is_still_not_understood_stays_open(
    service: Service, caller: Caller, point: Point
) -> None:
    for body in (b"{", {"odd": 1}, receipt("", "Delivered")):
        id_ = held(service, point, body)

        answer = replay(caller, id_)

        assert (answer["state"], results(answer)) == ("open", ["quarantined"])
        assert answer["results"][0]["id"] == id_
        [tried] = show(caller, id_)["replays"]
        assert (tried["results"], tried["errors"]) == (
            {"quarantined": 1},
            answer["results"][0]["errors"],
        )
        assert tried["who"]["name"] == caller.secret[:11]
        assert show(caller, id_)["state"] == "open"


def test_what_is_replayed_keeps_no_text_where_its_point_keeps_none(
    service: Service, caller: Caller
) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    lone, array = message(text="private words"), [message(text="private words")]
    for body in (lone, array):
        id_ = service.hook(point, body).json["id"]
        options(service, point, store_text="none")
        assert results(replay(caller, id_)) == ["accepted"]
        options(service, point, disabled=True)

    assert [each["text"] for each in caller.get("/messages").json["items"]] == ["", ""]


def test_a_batch_of_a_disabled_point_is_let_in_element_by_element(
    service: Service, caller: Caller
) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    transid = make_transid()
    body = [receipt(transid, "Delivered"), {"odd": 1}, message(tid=transid)]
    id_ = held(service, point, body, 200)

    answer = replay(caller, id_)

    assert answer["state"] == "replayed"
    assert results(answer) == ["accepted", "quarantined", "accepted"]
    assert status(caller, transid) == "delivered"
    assert len(items(caller.get(f"/messages?tid={transid}"))) == 1
    [bad] = items(caller.get("/quarantine?state=open"))
    assert bad["id"] == answer["results"][1]["id"]
    assert (bad["reason"], bad["answered"], bad["shape"]) == ("unrecognised", 200, "{odd: number}")
    assert show(caller, bad["id"])["raw"] == '{"odd": 1}'


def test_replaying_twice_is_harmless(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    transid = make_transid()
    id_ = held(service, point, [receipt(transid, "Delivered"), {"odd": 1}], 200)
    first = replay(caller, id_)
    before = caller.send(transid)

    again = replay(caller, id_)

    assert results(again) == ["duplicate", "quarantined"]
    assert [each["id"] for each in again["results"]] == [each["id"] for each in first["results"]]
    assert caller.send(transid) == before
    assert len(items(caller.get("/quarantine"))) == 2
    assert [each["results"] for each in show(caller, id_)["replays"]] == [
        {"accepted": 1, "quarantined": 1},
        {"duplicate": 1, "quarantined": 1},
    ]
    assert caller.post(f"/quarantine/{id_}/discard").status_code == 409


def test_only_the_latest_replays_are_remembered(
    service: Service, caller: Caller, point: Point
) -> None:
    id_ = held(service, point, b"{")
    for number in range(22):
        replay(caller, id_, trust=number == 21)

    replays = show(caller, id_)["replays"]

    assert [each["trust"] for each in replays] == [False] * 19 + [True]


def test_an_array_within_an_array_is_no_notification(
    service: Service, caller: Caller, point: Point
) -> None:
    answer = service.hook(point, [[receipt(make_transid(), "Delivered")]])
    [element] = answer.json["results"]

    assert results(replay(caller, element["id"])) == ["quarantined"]


def test_todays_secrets_decide_on_a_signature(service: Service, caller: Caller) -> None:
    point, transid = make_signed(service, caller, "old"), make_transid()
    raw = json.dumps(receipt(transid, "Delivered")).encode()
    id_ = held(service, point, gzip.compress(raw), 401, headers=signed(raw))

    refused = replay(caller, id_)
    with Session(service.engine) as session:
        keep_secrets(session, point, [SECRET], sealer_of(service))
        session.commit()
    answer = replay(caller, id_)

    assert (refused["state"], results(refused)) == ("open", ["quarantined"])
    assert list(refused["results"][0]["errors"]) == ["x-hub-signature"]
    assert (answer["state"], results(answer)) == ("replayed", ["accepted"])
    assert status(caller, transid) == "delivered"


def test_without_the_key_to_a_secret_it_is_said(service: Service, caller: Caller) -> None:
    point = make_signed(service, caller, SECRET)
    id_ = held(service, point, message(), 401)
    with Session(service.engine) as session:
        keep_secrets(session, point, [SECRET], Sealer([bytes(32)]))
        session.commit()

    answer = caller.post(f"/quarantine/{id_}/replay")

    assert (answer.status_code, "secrets" in answer.json["detail"]) == (409, True)
    assert show(caller, id_)["state"] == "open"


def test_todays_list_decides_on_an_address(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, allow_ips=[OTHERS])
    transid = make_transid()
    body = receipt(transid, "Delivered")
    id_ = held(service, point, body, 403, environ_overrides=OUTSIDE)

    refused = replay(caller, id_)
    options(service, point, allow_ips=[OTHERS, "203.0.113.0/24"])
    answer = replay(caller, id_)

    assert (refused["state"], list(refused["results"][0]["errors"])) == ("open", ["address"])
    assert (answer["state"], status(caller, transid)) == ("replayed", "delivered")


def test_an_address_is_not_enough_where_a_signature_is_needed(
    service: Service, caller: Caller
) -> None:
    point = make_signed(service, caller, SECRET, allow_ips=[OTHERS])
    raw = json.dumps(message()).encode()
    good, bad = (
        held(service, point, body, 403, headers=headers, environ_overrides=OUTSIDE)
        for body, headers in ((raw, signed(raw)), (raw + b" \n ", {}))
    )
    options(service, point, signature="required")

    assert results(replay(caller, good)) == ["accepted"]
    assert list(replay(caller, bad)["results"][0]["errors"]) == ["x-hub-signature"]


def test_a_person_may_have_trust(service: Service, caller: Caller) -> None:
    limited = make_point(service, domain=caller.domain, allow_ips=[OTHERS])
    for point, refusal in ((make_signed(service, caller, SECRET), 401), (limited, 403)):
        transid = make_transid()
        id_ = held(service, point, receipt(transid, "Delivered"), refusal)
        assert results(replay(caller, id_, trust=False)) == ["quarantined"]

        answer = replay(caller, id_, trust=True)

        assert (answer["state"], status(caller, transid)) == ("replayed", "delivered")
        assert [each["trust"] for each in show(caller, id_)["replays"]] == [False, True]
    line = items(caller.get("/audit?what=quarantine.replay"))[0]
    assert line["after"]["trust"] is True


def test_what_the_platform_said_when_asked_is_read_as_that(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    status = {"transactionId": transid, "to": "447700900123", "status": "Delivered"}
    raw, unnamed = json.dumps(status).encode(), b'{"to": "447700900123", "status": "Delivered"}'
    told, other = (
        keep(service.url, point, each, "apply_failed", source=Source.RECONCILED)
        for each in (raw, unnamed)
    )

    answer, nothing = replay(caller, told), replay(caller, other)

    assert (answer["state"], nothing["state"]) == ("replayed", "open")
    [entry] = caller.send(transid)["timeline"]
    assert (entry["source"], entry["status"]) == ("reconciled", "delivered")


def test_no_text_is_kept_where_the_point_says_so(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, disabled=True, store_text="none")
    tid = make_transid()
    id_ = held(service, point, message(tid=tid, text="private"), 200)

    assert results(replay(caller, id_)) == ["accepted"]

    [found] = items(caller.get(f"/messages/{tid}"))
    assert found["text"] == ""


def test_what_was_imported_stays_so(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    raw = json.dumps(receipt(transid, "Delivered")).encode()
    id_ = keep(service.url, point, raw, "apply_failed", source=Source.IMPORT)

    assert replay(caller, id_)["state"] == "replayed"
    [entry] = caller.send(transid)["timeline"]
    assert (entry["source"], entry["status"]) == ("import", "delivered")


def test_what_can_t_be_replayed_says_why(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, max_body=1000)
    cut = held(service, point, json.dumps(message(text="x" * 2000)).encode(), 413)
    recorded = keep(service.url, point, b"{}", "apply_failed", source=Source.API)

    for id_, said in ((cut, "beginning"), (recorded, "platform")):
        answer = caller.post(f"/quarantine/{id_}/replay", json={"trust": True})
        assert answer.status_code == 409
        assert said in answer.json["detail"]
        assert show(caller, id_)["replays"] == []
    assert caller.post("/quarantine/replay", json={}).json["count"] == 0


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        pytest.param(
            "Grüße".encode("latin-1"), {"content-type": "x; charset=latin1"}, id="charset"
        ),
        pytest.param("Grüße".encode(), {}, id="utf-8"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress], ids=["plain", "gz", "zlib"])
def test_a_body_is_read_by_the_headers_that_it_came_with(
    service: Service, caller: Caller, raw: bytes, headers: dict[str, str], pack: Any
) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    tid = make_transid()
    body = pack(json.dumps(message(tid=tid, text="@")).encode().replace(b"@", raw))
    packed = {"content-encoding": "deflate"} if pack is zlib.compress else {}
    id_ = held(service, point, body, 200, headers={**headers, **packed})

    assert results(replay(caller, id_)) == ["accepted"]

    [found] = items(caller.get(f"/messages/{tid}"))
    assert found["text"] == "Grüße"


def test_the_zone_is_that_of_today(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    transid = make_transid()
    body = receipt(transid, "Delivered", timeStamp="2026-01-20T17:00:00")
    id_ = held(service, point, body, 200)
    options(service, point, timezone="Asia/Kathmandu")

    replay(caller, id_)

    assert caller.send(transid)["deliveries"][0]["provider_at"] == "2026-01-20T11:15:00.000Z"


def test_what_the_platform_brought_again_is_one_receipt(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, allow_ips=[OTHERS])
    transid = make_transid()
    body = receipt(transid, "Delivered")
    id_ = held(service, point, body, 403, environ_overrides=OUTSIDE)
    assert service.hook(point, body, environ_overrides=INSIDE).json["result"] == "accepted"

    answer = replay(caller, id_, trust=True)

    assert results(answer) == ["duplicate"]
    [entry] = caller.send(transid)["timeline"]
    assert entry["accepted_at"] == show(caller, id_)["accepted_at"]


def test_a_point_that_was_deleted_is_known_still(
    service: Service, caller: Caller, point: Point
) -> None:
    transid = make_transid()
    raw = json.dumps(receipt(transid, "Delivered")).encode()
    id_ = keep(service.url, point, raw, "unrecognised")
    with psycopg.connect(service.url) as connection:
        connection.execute(
            "UPDATE integration_points SET deleted_at = now() WHERE id = %s", [point.id]
        )

    assert replay(caller, id_)["state"] == "replayed"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({"trust": "yes"}, "trust", id="trust"),
        pytest.param({"force": True}, "force", id="unknown"),
        pytest.param([], "body", id="no object"),
    ],
)
def test_bad_wishes_are_named(
    service: Service, caller: Caller, point: Point, given: Any, field: str
) -> None:
    id_ = held(service, point, b"{")

    answer = caller.post(f"/quarantine/{id_}/replay", json=given)

    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


UUIDS = [make_transid(), make_transid()]
RECEIPTS = st.builds(
    receipt,
    st.builds("{}{}".format, st.sampled_from(UUIDS), st.sampled_from(["", "_0", "_1"])),
    st.sampled_from(["Submitted", "Delivered", "Failed", "Read", "Wobbled"]),
    destination=st.sampled_from(["447700900123", "+44 7700 900123", "447700900999"]),
    timeStamp=st.sampled_from(["", "2026-07-20T17:13:17.908", "2026-07-20T17:14:00+05:45"]),
    code=st.sampled_from(["", "7500"]),
)
SENDS = st.builds(
    lambda transid, destination: {"transid": transid, "destinations": [destination]},
    st.sampled_from(UUIDS),
    st.sampled_from(["447700900123", {"type": "customerid", "value": "c-7"}]),
)


#: What is recorded, and what is posted: whether it is let in at once, or held.
PLANS = st.lists(st.tuples(RECEIPTS, st.booleans()) | SENDS, min_size=1, max_size=7)


@pytest.fixture(scope="module")
def connection(service: Service) -> Iterator[psycopg.Connection[Any]]:
    with connect(service.url) as connection:
        yield connection


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=PLANS, data=st.data())
def test_late_is_as_good_as_at_once(
    service: Service, connection: psycopg.Connection[Any], plan: list[Any], data: st.DataObject
) -> None:
    caller = make_caller(service, domain=make_domain())
    point = make_point(service, domain=caller.domain, allow_ips=[OTHERS])
    waiting: list[str] = []
    for step in plan:
        if isinstance(step, dict):
            caller.record(**step)
            continue
        body, at_once = step
        answer = service.hook(point, body, environ_overrides=INSIDE if at_once else OUTSIDE)
        if not at_once:
            waiting.append(answer.json["id"])
            if data.draw(st.booleans()):
                replay(caller, data.draw(st.sampled_from(waiting)), trust=True)
    for id_ in data.draw(st.permutations(waiting)):
        replay(caller, id_, trust=True)

    assert stored(connection, caller.domain) == folded(known(service, caller, point), caller.domain)


def known(service: Service, caller: Caller, point: Point) -> list[Fact]:
    """The facts of a domain as they would have been made at once."""
    found = service.rows(
        """
        SELECT id, accepted_at, digest, raw FROM quarantine WHERE domain = :domain
         UNION ALL SELECT id, accepted_at, digest, raw FROM receipts
         WHERE domain = :domain AND source = 'hook'
        """,
        domain=caller.domain,
    )
    heard = []
    for row in found:
        body = recognise(bytes(row["raw"])).elements[0].body
        assert isinstance(body, Receipt)
        fact = Fact(
            id=row["id"],
            domain=caller.domain,
            point_id=point.id,
            source=Source.HOOK,
            accepted_at=row["accepted_at"],
            digest=bytes(row["digest"]),
            raw=bytes(row["raw"]),
            body=body,
        )
        heard.append(fact)
    with Session(service.engine) as session:
        written = recordings.of_transids(session, domain=caller.domain, transids=UUIDS)
    return [*heard, *written]
