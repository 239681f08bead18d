"""Tokens and secrets of integration points: how they are kept, replaced, and end."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.errors import BadInputError
from receiver.store import audit, entities
from receiver.store.administration import Desk
from receiver.store.points import hash_of
from tests.web.pointing import ask, make, patch, refused
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_transid,
    receipt,
    running,
)
from tests.web.test_admission import body, signed


def test_the_first_hub_secret_has_two_names(service: Service, caller: Caller) -> None:
    point = make(caller, token_remote2="first", opts={"signature": "required"})
    assert point["opts"]["signature_secrets"] == ["first"]

    two = patch(caller, point, opts={"signature_secrets": ["new", "first"]}).json
    assert two["token_remote2"] == "new"
    one = patch(caller, point, token_remote2="newer").json
    assert one["opts"]["signature_secrets"] == ["newer", "first"]
    left = patch(caller, point, token_remote2="").json
    assert (left["token_remote2"], left["opts"]["signature_secrets"]) == ("first", ["first"])
    refused(patch(caller, point, token_remote2=""), 400, "needs a secret")

    raw = body()
    for secret, status in (("first", 200), ("newer", 401)):
        hooked = service.client.post(
            f"/hooks/{point['token_local']}", data=raw, headers=signed(raw, secret)
        )
        assert hooked.status_code == status


def test_secrets_are_sealed_and_in_no_line_of_the_log(service: Service, caller: Caller) -> None:
    private = {"token_remote": "service-key", "token_remote2": "hub-secret-1"}
    point = make(caller, **private, opts={"profile_key": "profile-key-1"})
    patch(caller, point, token_remote="service-key-2")

    row = service.rows("SELECT * FROM integration_points WHERE id = :id", id=point["id"])[0]
    for column in ("token_remote", "signature_secrets", "profile_key"):
        assert b"key" not in bytes(row[column])
        assert b"secret" not in bytes(row[column])
    said = caller.get("/audit").text
    for secret in (*private.values(), "profile-key-1", "service-key-2", point["token_local"]):
        assert secret not in json.dumps(row["opts"]) + said


def test_a_deleted_point_accepts_for_seven_days(service: Service, caller: Caller) -> None:
    point = make(caller)
    ask(caller, "DELETE", f"/{point['id']}")

    def post() -> int:
        raw = receipt(make_transid(), "Read")
        return int(service.client.post(f"/hooks/{point['token_local']}", json=raw).status_code)

    assert post() == 200
    refused(ask(caller, "LOOKUP", json=point["token_local"]), 404)
    directory = service.app.extensions["receiver"].roster._directory
    closes_at = directory.points[hash_of(point["token_local"])].closes_at
    left = closes_at - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    with Session(service.engine) as session, session.begin():
        session.execute(
            text(
                "UPDATE integration_points SET deleted_at = now() - interval '8 days' WHERE id=:id"
            ),
            {"id": point["id"]},
        )
    with running(service.url) as another:
        later = another.client.post(f"/hooks/{point['token_local']}", json={})
    assert later.status_code == 404


def rotate(service: Service, point: Any, *, grace: timedelta, secret: str = "") -> str:
    sealing = service.app.extensions["receiver"].sealing
    with Session(service.engine) as session, session.begin():
        desk = Desk(session=session, who=audit.by_shell(), sealing=sealing)
        row = entities.get(session, UUID(point["id"]), domain=domain_of(service, point), lock=True)
        if secret:
            desk.rotate_secret(row, secret, grace=grace)
            return ""
        return desk.rotate_token(row, grace=grace)


def domain_of(service: Service, point: Any) -> str:
    rows = service.rows("SELECT domain FROM integration_points WHERE id = :id", id=point["id"])
    return str(rows[0]["domain"])


def test_a_second_token_opens_the_hook_beside_the_first(service: Service, caller: Caller) -> None:
    point = make(caller)
    hook = f"/hooks/{point['token_local']}"
    assert service.client.head(hook).status_code == 200

    fresh = rotate(service, point, grace=timedelta(days=7))

    assert service.client.head(f"/hooks/{fresh}").status_code == 200
    assert service.client.head(hook).status_code == 200
    shown = ask(caller, "GET", f"/{point['id']}").json
    assert shown["token_local"] == point["token_local"]
    assert [each["token"] for each in shown["opts"]["tokens"]] == [point["token_local"], fresh]
    assert ask(caller, "PATCH", f"/{point['id']}", json=shown).status_code == 200
    refused(patch(caller, point, opts={"tokens": []}), 400, "opts.tokens: is read-only")
    assert ask(caller, "LOOKUP", json=fresh).json == [point["id"]]
    refused(
        ask(caller, "POST", json={"code": "x", "type": "public", "token_local": fresh}),
        400,
        "token_local",
    )
    last = rotate(service, point, grace=timedelta(0))
    assert service.client.head(f"/hooks/{last}").status_code == 200
    for token in (point["token_local"], fresh):
        assert service.client.head(f"/hooks/{token}").status_code == 404


def test_only_a_few_tokens_are_open_at_once(service: Service, caller: Caller) -> None:
    point = make(caller)
    for _ in range(4):
        rotate(service, point, grace=timedelta(days=1))

    with pytest.raises(BadInputError, match="5 tokens"):
        rotate(service, point, grace=timedelta(days=1))


def test_a_second_secret_is_taken_beside_the_first(service: Service, caller: Caller) -> None:
    point = make(caller, token_remote2="old", opts={"signature": "required"})

    def post(secret: str) -> int:
        raw = body()
        hook = f"/hooks/{point['token_local']}"
        return int(service.client.post(hook, data=raw, headers=signed(raw, secret)).status_code)

    rotate(service, point, secret="new", grace=timedelta(days=7))
    shown = ask(caller, "GET", f"/{point['id']}").json
    assert shown["token_remote2"] == "new"
    assert shown["opts"]["signature_secrets"][1]["secret"] == "old"
    assert ask(caller, "PATCH", f"/{point['id']}", json=shown).json == shown
    assert (post("new"), post("old")) == (200, 200)
    rotate(service, point, secret="newest", grace=timedelta(0))
    assert service.client.head("/hooks/unknown").status_code == 404  # makes it ask at once
    assert (post("newest"), post("new"), post("old")) == (200, 401, 401)


def test_where_the_disk_is_lost_nothing_is_sealed(database_url: str, tmp_path: Path) -> None:
    with running(database_url, var_dir=tmp_path, disk_lasts=False) as service:
        caller = make_caller(service, domain=make_domain())
        point = make(caller)
        answer = patch(caller, point, token_remote="service-key")

    refused(answer, 500, "RECEIVER_SECRET_KEYS", "openssl rand -base64 32")


def test_secrets_of_a_lost_key_are_null_and_can_be_replaced(
    database_url: str, tmp_path: Path
) -> None:
    with running(database_url, var_dir=tmp_path / "a") as service:
        caller = make_caller(service, domain=make_domain())
        point = make(caller, token_remote="key", token_remote2="secret")
    with running(database_url, var_dir=tmp_path / "b") as service:
        caller.service = service
        shown = ask(caller, "GET", f"/{point['id']}").json
        assert (shown["token_remote"], shown["opts"]["signature_secrets"]) == (None, None)
        assert ask(caller, "PATCH", f"/{point['id']}", json=shown).json == shown
        new = {"token_remote": "k", "token_remote2": "s"}
        assert patch(caller, point, **new).json | new == patch(caller, point).json
