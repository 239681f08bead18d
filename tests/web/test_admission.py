"""Who may bring what to a hook whose token they know: addresses, signatures, and what is held."""

import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.sealing import Sealer
from receiver.settings import IN_FLIGHT_BYTES, Settings
from receiver.store import signing
from receiver.store.points import Point
from receiver.store.signing import HubSecret
from receiver.web.holding import HOUR_SECONDS, Holding
from receiver.web.understanding import cap_bytes_of
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    receipt,
    running,
)

SECRET = "hub-secret"
OTHERS = "198.51.100.0/24"


def sealer_of(service: Service) -> Sealer:
    settings: Settings = service.app.extensions["receiver"].settings
    return Sealer.of(settings.secret_keys, settings.var_dir)


def keep(session: Session, point: Point, secrets: Sequence[str], sealer: Sealer) -> None:
    sealed = signing.seal([HubSecret(secret) for secret in secrets], point.id, sealer)
    session.execute(
        text("UPDATE integration_points SET signature_secrets = :sealed WHERE id = :id"),
        {"sealed": sealed, "id": point.id},
    )


def make_signed(service: Service, caller: Caller, *secrets: str, **opts: Any) -> Point:
    point = make_point(service, domain=caller.domain, **({"signature": "required"} | opts))
    with Session(service.engine) as session:
        keep(session, point, secrets, sealer_of(service))
        session.commit()
    return point


def signed(raw: bytes, secret: str = SECRET) -> Mapping[str, str]:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}"}


def body() -> bytes:
    return json.dumps(receipt(make_transid(), "Delivered")).encode()


def held(service: Service, answer: Any) -> Mapping[str, Any]:
    rows = service.rows("SELECT * FROM quarantine WHERE id = :id", id=answer.json["id"])
    return rows[0]


def test_a_signature_that_is_demanded_lets_in(service: Service, caller: Caller) -> None:
    point = make_signed(service, caller, "older", SECRET)

    for raw in (body(), b"  " + body() + b"\r\n", gzip.compress(body())):
        answer = service.hook(point, raw, headers=signed(raw))
        assert (answer.status_code, answer.json["result"]) == (200, "accepted")


def test_what_was_zipped_after_it_was_signed_lets_in(service: Service, caller: Caller) -> None:
    point, raw = make_signed(service, caller, SECRET), body()

    answer = service.hook(point, gzip.compress(raw), headers=signed(raw))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"X-Hub-Signature": ""}, id="empty"),
        pytest.param(signed(b"another body"), id="of another body"),
        pytest.param({"X-Hub-Signature": "sha256=" + "0" * 64}, id="guessed"),
        pytest.param({"X-Hub-Signature": "sha256=" + "x" * 64}, id="bad hex"),
        pytest.param({"X-Hub-Signature": "sha256=" + "é" * 64}, id="not ASCII"),
        pytest.param({"X-Hub-Signature": ",".join(["sha256=00"] * 10_000)}, id="ten thousand"),
    ],
)
def test_a_bad_signature_is_refused_and_held(
    service: Service, caller: Caller, headers: dict[str, str]
) -> None:
    point, raw = make_signed(service, caller, SECRET), body()

    answer = service.hook(point, raw, headers=headers)

    assert (answer.status_code, answer.json["result"]) == (401, "quarantined")
    assert list(answer.json["errors"]) == ["x-hub-signature"]
    row = held(service, answer)
    assert (row["reason"], row["answered"], bytes(row["raw"])) == ("bad_signature", 401, raw)
    kept = row["headers"].get("x-hub-signature", "")
    assert headers.get("X-Hub-Signature", "").startswith(kept)
    assert SECRET not in answer.text


def test_a_signature_of_another_point_is_none(service: Service, caller: Caller) -> None:
    point, other = (make_signed(service, caller, secret) for secret in (SECRET, "another"))
    raw = body()

    assert service.hook(point, raw, headers=signed(raw)).status_code == 200
    assert service.hook(other, raw, headers=signed(raw)).status_code == 401


@pytest.mark.parametrize(
    ("demand", "headers", "expected"),
    [
        pytest.param("off", {"X-Hub-Signature": "sha256=00"}, 200, id="off"),
        pytest.param("optional", {}, 200, id="optional and missing"),
        pytest.param("optional", {"X-Hub-Signature": "sha256=00"}, 401, id="optional and bad"),
    ],
)
def test_a_signature_may_be_optional(
    service: Service, caller: Caller, demand: str, headers: dict[str, str], expected: int
) -> None:
    point = make_signed(service, caller, SECRET, signature=demand)

    assert service.hook(point, body(), headers=headers).status_code == expected


def test_sha1_lets_in_only_where_the_point_says_so(service: Service, caller: Caller) -> None:
    raw = body()
    headers = {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), raw, "sha1").hexdigest()}
    strict, lax = (make_signed(service, caller, SECRET, allow_sha1=lax) for lax in (False, True))

    assert service.hook(strict, raw, headers=headers).status_code == 401
    assert service.hook(lax, raw, headers=headers).status_code == 200


def test_without_a_secret_nothing_is_signed(service: Service, caller: Caller) -> None:
    point, raw = make_signed(service, caller), body()

    assert service.hook(point, raw, headers=signed(raw, "")).status_code == 401


def test_secrets_that_we_can_not_open_are_our_fault(service: Service, caller: Caller) -> None:
    point, raw = make_signed(service, caller, SECRET), body()
    with Session(service.engine) as session:
        keep(session, point, [SECRET], Sealer([bytes(32)]))
        session.commit()

    assert service.hook(point, raw, headers=signed(raw)).status_code == 503


def test_whether_the_hook_is_there_needs_neither(service: Service, caller: Caller) -> None:
    point = make_signed(service, caller, SECRET, allow_ips=[OTHERS])

    assert service.client.head(f"/hooks/{point.token_local}").status_code == 200


def test_a_list_of_addresses_refuses_and_holds(service: Service, caller: Caller) -> None:
    point, raw = make_point(service, domain=caller.domain, allow_ips=[OTHERS, "127.0.0.9"]), body()

    def post(address: str, **headers: str) -> Any:
        environ = {"REMOTE_ADDR": address}
        return service.hook(point, raw, headers=headers, environ_overrides=environ)

    spoofed = {"X-Forwarded-For": "198.51.100.7"}
    answer = post("203.0.113.7", **spoofed)
    assert (answer.status_code, list(answer.json["errors"])) == (403, ["address"])
    row = held(service, answer)
    assert (row["reason"], row["answered"], bytes(row["raw"])) == ("bad_address", 403, raw)
    for address in ("198.51.100.7", "::ffff:198.51.100.7", "127.0.0.9"):
        assert post(address).status_code == 200


def test_a_body_over_its_cap_from_elsewhere_is_from_elsewhere(
    service: Service, caller: Caller
) -> None:
    point = make_point(service, domain=caller.domain, allow_ips=[OTHERS], max_body=2000)

    answer = service.hook(point, b"{" + b" " * 5000)

    row = held(service, answer)
    assert (answer.status_code, row["reason"], row["truncated"]) == (403, "bad_address", True)


def test_a_bomb_that_nobody_signed_is_not_unpacked_for_its_size(
    service: Service, caller: Caller
) -> None:
    point = make_signed(service, caller, SECRET, max_body=20_000)

    assert service.hook(point, gzip.compress(b" " * 10_000_000)).status_code == 401


@pytest.fixture(scope="module")
def proxied(database_url: str) -> Iterator[Service]:
    """A service behind one proxy."""
    with running(database_url, trusted_proxies=1) as service:
        yield service


def test_behind_a_proxy_its_word_counts(proxied: Service) -> None:
    caller = make_caller(proxied, domain=make_domain())
    point = make_point(proxied, domain=caller.domain, allow_ips=[OTHERS])

    def post(forwarded: str) -> int:
        answer = proxied.hook(point, body(), headers={"X-Forwarded-For": forwarded})
        return int(answer.status_code)

    assert post("198.51.100.7") == 200
    assert post("203.0.113.7, 198.51.100.7") == 200
    assert post("198.51.100.7, 203.0.113.7") == 403
    assert proxied.hook(point, body()).status_code == 403


def test_what_is_held_has_its_bounds(
    service: Service, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = service.app.extensions["receiver"].admission
    monkeypatch.setattr(here, "holding", Holding(most_facts=2))
    point = make_signed(service, caller, SECRET)

    answers = [service.hook(point, body()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    results = [answer.json["result"] for answer in answers]
    assert results == ["quarantined", "quarantined", "refused"]
    held = service.rows("SELECT FROM quarantine WHERE point_id = :id", id=point.id)
    assert len(held) == 2


def test_where_signatures_are_demanded_too_large_bodies_have_their_bounds_too(
    service: Service, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = service.app.extensions["receiver"].admission
    monkeypatch.setattr(here, "holding", Holding(most_facts=1))
    signed = make_signed(service, caller, SECRET, max_body=1024)
    unsigned = make_point(service, domain=caller.domain, max_body=1024)
    large = b"[" + b" " * 2000

    answers = [service.hook(each, large) for each in (signed, signed, unsigned, unsigned)]

    assert [answer.status_code for answer in answers] == [413] * 4
    results = [answer.json["result"] for answer in answers]
    assert results == ["quarantined", "refused", "quarantined", "quarantined"]


def test_a_cap_that_was_kept_before_leaves_room_for_what_it_lets_in(
    service: Service, caller: Caller
) -> None:
    point = make_point(service, domain=caller.domain)

    assert cap_bytes_of(replace(point, opts={"max_body": 4 * IN_FLIGHT_BYTES}), 1) == (
        IN_FLIGHT_BYTES
    )


def test_each_point_has_room_of_its_own_each_hour() -> None:
    now = 0.0
    holding = Holding(most_facts=3, most_bytes=100, clock=lambda: now)
    one, other = UUID(int=1), UUID(int=2)

    assert [holding.take(one, size) for size in (60, 60, 40, 0, 0)] == [
        *(True, False, True),
        *(True, False),
    ]
    assert holding.take(other, 100)
    now = HOUR_SECONDS
    assert holding.take(one, 100)
