"""Every request of the platform's own page about integration points, against a real gunicorn."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from receiver.store.entities import flat
from tests.web.server import ROOT, Answer, Server, serving
from tests.web.service import Caller, Service, make_caller, make_domain

PAGE: Final = (ROOT / "tests" / "payloads" / "era_integration_points.txt").read_text()
PATH: Final = "/rest/v1/service/integration_points"
JSON: Final = "application/json; charset=utf-8"
UTF8: Final = {"Content_Type": JSON}
SYSTEM: Final = ("ext",)


def blocks(opening: str, closing: str) -> list[Any]:
    """Return the JSON of the page's examples; of a key that stands twice the last counts."""
    pattern = rf"\n\n({re.escape(opening)}\n.*?\n{re.escape(closing)})(?=\n|$)"
    return [json.loads(found) for found in re.findall(pattern, PAGE, re.DOTALL)]


CREATED, _SHOWN, PATCHED, _FAILED = blocks("{", "}")
LISTED, FOUND = blocks("[", "]")


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("gunicorn")
    with serving(database_url, folder / "log", RECEIVER_VAR=str(folder / "var")) as running:
        yield running


class Neighbour:
    """Whoever moves its points here, over HTTP."""

    def __init__(self, server: Server, caller: Caller) -> None:
        self._server = server
        self._auth = f"Bearer {caller.secret}"

    def ask(self, verb: str, path: str, body: Any = None, **headers: str) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        return self._server.request(verb, path, raw, Authorization=self._auth, **UTF8, **headers)


@pytest.fixture
def neighbour(server: Server, service: Service) -> Neighbour:
    """A caller in a domain of its own."""
    return Neighbour(server, make_caller(service, domain=make_domain()))


def stays(answer: Answer, entity: Any) -> dict[str, Any]:
    """Hold an answer against an entity of the page, but for its times."""
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == JSON
    said: dict[str, Any] = answer.json
    assert {**said, "ext": None} == {**entity, "ext": None}
    assert all(
        re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\dZ", each)
        for each in said["ext"].values()
    )
    assert list(flat(said)) == list(flat(entity))
    return said


def test_every_request_of_the_page_is_answered_as_it_says(neighbour: Neighbour) -> None:
    created = stays(neighbour.ask("POST", PATH, CREATED), CREATED)
    id_ = created["id"]

    assert neighbour.ask("GET", f"{PATH}/{id_}").json == created
    found = neighbour.ask("LOOKUP", PATH, CREATED["token_local"])
    assert (found.status, found.json) == (200, FOUND)
    failed = neighbour.ask("LOOKUP", PATH, "00000000000000000000000000000000")
    assert (failed.status, failed.json) == (
        404,
        {"error_code": 1404, "error_message": "Lookup failed"},
    )
    changed = neighbour.ask(
        "PATCH", f"{PATH}/{id_}", {**created, "token_remote": PATCHED["token_remote"]}
    )
    patched = stays(changed, PATCHED)
    assert patched["ext"]["ct"] == created["ext"]["ct"]
    assert patched["ext"]["lwt"] >= created["ext"]["lwt"]
    # the page lists two points with one token, which can't be
    second = {name: value for name, value in LISTED[1].items() if name != "token_local"}
    other = neighbour.ask("POST", PATH, second).json
    listed = neighbour.ask("GET", f"{PATH}?offset=0&limit=2")
    assert listed.status == 200
    for said, shown in zip(listed.json, LISTED, strict=True):
        assert list(flat(said)) == list(flat(shown))
        assert (said["code"], said["type"]) == (shown["code"], shown["type"])
    for each in (id_, other["id"]):
        gone = neighbour.ask("DELETE", f"{PATH}/{each}")
        assert (gone.status, gone.body) == (204, b"")
    assert neighbour.ask("GET", PATH).json == []


def test_a_look_up_may_come_as_a_post(neighbour: Neighbour) -> None:
    code = neighbour.ask("POST", PATH, {"code": "otp", "type": "public"}).json

    for key in ("otp", code["id"], code["token_local"]):
        found = neighbour.ask("POST", PATH, key, X_HTTP_Method_Override="LOOKUP")
        assert (found.status, found.json) == (200, [code["id"]])


def test_a_token_tells_its_point(neighbour: Neighbour) -> None:
    point = neighbour.ask("POST", PATH, {"code": "otp", "type": "public"}).json
    tokens = "/rest/v1/service/integration_tokens"

    found = neighbour.ask("GET", f"{tokens}/{point['token_local']}").json
    unknown = neighbour.ask("GET", f"{tokens}/nothing")

    assert found["integration_point"] == {
        "id": point["id"],
        "_links": {"self": {"href": f"{PATH}/{point['id']}"}},
    }
    assert (unknown.status, unknown.json) == (
        404,
        {"error_code": 1404, "error_message": "Token not found"},
    )


def test_the_log_holds_no_token(database_url: str, service: Service, tmp_path: Path) -> None:
    caller = make_caller(service, domain=make_domain())
    secrets = {"token_remote": "service-key-4711", "token_remote2": "hub-secret-4711"}
    with serving(database_url, tmp_path / "log", RECEIVER_VAR=str(tmp_path)) as server:
        neighbour = Neighbour(server, caller)
        point = neighbour.ask("POST", PATH, {"code": "c", "type": "public", **secrets}).json
        neighbour.ask("LOOKUP", PATH, point["token_local"])
        neighbour.ask("GET", f"/rest/v1/service/integration_tokens/{point['token_local']}")
        neighbour.ask("PATCH", f"{PATH}/{point['id']}", {"token_local": "another-token-4711"})

    said = (tmp_path / "log").read_text()
    assert f'"{PATH}"' in said
    for secret in (*secrets.values(), point["token_local"], "another-token-4711", caller.secret):
        assert secret not in said
