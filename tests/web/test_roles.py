"""Processes with some of the roles: each serves its own, and sends nobody away for good."""

import json
from pathlib import Path

import pytest

from tests.web.server import serving
from tests.web.service import Service, make_caller, make_point, make_transid, receipt, running

EVERYWHERE = ("/health/live", "/api/openapi.json", "/api/docs")


def test_what_hooks_take_is_answered_by_the_others(
    database_url: str, service: Service, tmp_path: Path
) -> None:
    point, caller = make_point(service), make_caller(service)
    hook, transid = f"/hooks/{point.token_local}", make_transid()
    key = f"Bearer {caller.secret}"
    notice = json.dumps(receipt(transid, "Delivered")).encode()

    with (
        serving(database_url, tmp_path / "hooks.log", RECEIVER_ROLES="hooks") as hooks,
        serving(database_url, tmp_path / "api.log", RECEIVER_ROLES="api") as api,
    ):
        taken = hooks.request("POST", hook, notice, Content_Type="application/json")
        told = api.request("GET", f"/api/v1/sends/{transid}", Authorization=key)
        turned_away = {
            method: api.request(method, hook, notice) for method in ("POST", "PUT", "HEAD", "GET")
        }
        unserved = hooks.request("GET", f"/api/v1/sends/{transid}", Authorization=key)

    assert (taken.status, told.status) == (200, 200)
    assert told.json["deliveries"][0]["status"] == "delivered"
    for answer in (*turned_away.values(), unserved):
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b"role hooks" in turned_away["POST"].body
    assert b"role api" in unserved.body


@pytest.mark.parametrize("role", ["hooks", "api"])
def test_every_process_tells_of_itself(database_url: str, role: str) -> None:
    with running(database_url, roles=[role]) as limited:
        for path in EVERYWHERE:
            assert limited.client.get(path).status_code == 200
        assert limited.client.get("/metrics").status_code == 401
        assert limited.client.get("/api/v1/nothing").status_code == 404
