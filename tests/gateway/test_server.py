"""The gateway as gunicorn serves it: a platform that is slow takes nothing from the hooks."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from receiver.web.gateway.gate import MOST_CALLS
from tests.gateway.conftest import MESSAGING, Client
from tests.gateway.test_messaging import message
from tests.gateway.upstream import Asked, Upstream, entry, says
from tests.web.server import Answer, Server, serving
from tests.web.service import make_transid, receipt

SLOW_SECONDS = 1.5


@pytest.fixture
def server(client: Client, database_url: str, var: Path, tmp_path: Path) -> Iterator[Server]:
    assert client  # whose keys are sealed by then
    settings = {
        "RECEIVER_VAR": str(tmp_path),
        "RECEIVER_PLATFORM_PRIVATE": "true",
        "RECEIVER_PUBLIC_URL": "https://hooks.example.org",
    }
    (tmp_path / "secret.key").write_bytes((var / "secret.key").read_bytes())
    with serving(database_url, tmp_path / "log", **settings) as running:
        yield running


def test_a_plain_client_changes_base_url_and_key_alone(
    server: Server, client: Client, platform: Upstream
) -> None:
    def send(base_url: str, key: str) -> requests.Response:
        headers = {"key": key, "content-type": "application/json"}
        return requests.post(f"{base_url}{MESSAGING}", json=message(), headers=headers, timeout=9)

    direct = send(platform.url, "service-key")
    through = send(f"http://127.0.0.1:{server.port}", client.caller.secret)

    assert (through.status_code, through.headers["Content-Type"]) == (200, "application/json")
    assert through.json()["response"][0]["code"] == direct.json()["response"][0]["code"]
    first, second = platform.asked
    assert second.json == {"notifyurl": second.json["notifyurl"], **first.json}
    assert second.headers["key"] == first.headers["key"]
    assert second.headers["user-agent"] == first.headers["user-agent"]


def test_slow_calls_wait_beside_each_other_and_beside_hooks(
    server: Server, client: Client, platform: Upstream
) -> None:
    def slow(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        time.sleep(SLOW_SECONDS)
        says({"response": [entry(make_transid())]})(handler, asked)

    platform.way = slow
    body = json.dumps(message()).encode()

    def send(_: int) -> Answer:
        return server.request("POST", MESSAGING, body, key=client.caller.secret)

    def hook() -> float:
        began = time.monotonic()
        raw = json.dumps(receipt(make_transid(), "Delivered")).encode()
        answer = server.request("POST", f"/hooks/{client.point.token_local}", raw)
        assert answer.status == 200
        return time.monotonic() - began

    began = time.monotonic()
    with ThreadPoolExecutor(MOST_CALLS + 6) as pool:
        calls = [pool.submit(send, number) for number in range(MOST_CALLS + 6)]
        time.sleep(0.5)
        waited = [hook() for _ in range(20)]
        answers = [call.result() for call in calls]

    assert time.monotonic() - began < 3 * SLOW_SECONDS
    assert sorted(waited)[10] < 0.2
    statuses = [answer.status for answer in answers]
    assert (statuses.count(200), statuses.count(503)) == (MOST_CALLS, 6)
    assert platform.last.json["notifyurl"].startswith("https://hooks.example.org/hooks/")
