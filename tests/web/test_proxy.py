"""The example of a proxy, config/nginx.conf, as a real nginx before a real gunicorn."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.processes import eventually, free_port
from tests.web.pointing import PATH
from tests.web.server import ROOT, Answer, Server, serving
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

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
NUMBER = "447700900444"
#: What an operator edits, and what it is here.
EDITED = {
    r"listen 80;": "listen 127.0.0.1:{port};",
    r"server 127\.0\.0\.1:8080 max_fails=0;": "{upstreams}",
    r"/var/log/nginx/": "{folder}/",
    r"client_body_timeout 5s;": "client_body_timeout 1s;",
}
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
events {{}}
http {{
    {temporary}
    include {folder}/receiver.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

pytestmark = pytest.mark.skipif(
    NGINX is None, reason="NGINX IS NOT INSTALLED: config/nginx.conf is not tested (nginx-light)"
)


@dataclass(frozen=True)
class Proxy(Server):
    """An nginx that listens."""

    folder: Path

    @property
    def logs(self) -> str:
        return "".join(log.read_text() for log in self.folder.glob("*.log"))


class Unready(BaseHTTPRequestHandler):
    """An instance that takes nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxying(folder: Path, *upstreams: int) -> Iterator[Proxy]:
    """Run nginx before what listens on the ports, for as long as the context lasts."""
    assert NGINX
    port = free_port()
    known = {
        "folder": folder,
        "port": port,
        "upstreams": " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in upstreams),
        "temporary": " ".join(f"{each}_temp_path {folder}/{each};" for each in TEMPORARY),
    }
    example = (ROOT / "config" / "nginx.conf").read_text()
    for written, meant in EDITED.items():
        example, found = re.subn(written, meant.format(**known), example)
        assert found, written
    (folder / "receiver.conf").write_text(example)
    (folder / "nginx.conf").write_text(AROUND.format(**known))
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        eventually(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, process.communicate()
        yield Proxy(port, folder)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    with serving(database_url, log, RECEIVER_TRUSTED_PROXIES="1") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxying(tmp_path_factory.mktemp("nginx"), server.port) as running:
        yield running


def lookup(proxy: Proxy, caller: Caller, wanted: str) -> Answer:
    body = json.dumps(wanted).encode()
    return proxy.request("LOOKUP", PATH, body, Authorization=f"Bearer {caller.secret}")


def body_of() -> bytes:
    return json.dumps(receipt(make_transid(), "Delivered", destination=NUMBER)).encode()


def test_lookup_goes_through(proxy: Proxy, service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain)

    for wanted in (str(point.id), point.code, point.token_local):
        found = lookup(proxy, caller, wanted)
        assert (found.status, found.json) == (200, [str(point.id)])
    nothing = lookup(proxy, caller, "nothing")
    assert (nothing.status, nothing.json["error_code"]) == (404, 1404)


def test_notifications_go_through(proxy: Proxy, service: Service) -> None:
    point = make_point(service)
    path = f"/hooks/{point.token_local}"

    assert proxy.request("HEAD", path).status == 200
    for each in (path, f"{path}/dr/", f"/{path}", f"{path}?x=1"):
        assert proxy.request("POST", each, body_of()).json["result"] == "accepted"
    large = json.dumps(message(text="x" * 3_000_000)).encode()
    assert proxy.request("POST", path, large).json["result"] == "accepted"
    assert proxy.request("POST", path, b"{").status == 400


def test_the_cap_is_receiver_s_own(proxy: Proxy, service: Service) -> None:
    point = make_point(service, max_body=2000)

    answer = proxy.request("POST", f"/hooks/{point.token_local}", b" " * 3000)

    assert (answer.status, answer.json["result"]) == (413, "quarantined")


def test_a_body_that_stalls_is_no_answer_that_ends_it(proxy: Proxy, service: Service) -> None:
    point = make_point(service)
    with proxy.connect() as line:
        head = f"POST /hooks/{point.token_local} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        line.sendall(f"{head}{{".encode())

        assert line.recv(1) == b""


def test_the_caller_s_address_is_the_one_that_the_proxy_saw(
    proxy: Proxy, server: Server, service: Service
) -> None:
    known, other = (make_point(service, allow_ips=[each]) for each in ("127.0.0.1", "192.0.2.7"))
    paths = [f"/hooks/{point.token_local}" for point in (known, other)]

    assert [proxy.request("POST", path, body_of()).status for path in paths] == [200, 403]
    spoofed = {"X_Forwarded_For": "192.0.2.7"}
    answers = [proxy.request("POST", path, body_of(), **spoofed).status for path in paths]
    assert answers == [200, 403]
    assert server.request("POST", paths[0], body_of()).status == 403  # nobody says who calls


def test_its_logs_hold_routes_and_nothing_that_a_caller_wrote(
    proxy: Proxy, service: Service
) -> None:
    caller, point = make_caller(service, domain=make_domain()), make_point(service)
    key, transid = f"Bearer {caller.secret}", make_transid()
    private = [point.token_local, caller.secret, transid, NUMBER]
    proxy.request("POST", f"/hooks/{point.token_local}/dr?{NUMBER}", body_of(), Referer=NUMBER)
    proxy.request("POST", f"//hooks//{point.token_local}/{NUMBER}", body_of(), User_Agent=NUMBER)
    proxy.request("GET", f"/x/../api/v1/sends/{transid}?destination={NUMBER}", Authorization=key)
    proxy.request("GET", f"/rest/v1/service/integration_tokens/{point.token_local}")
    proxy.request("GET", f"/{NUMBER}/{transid}")
    proxy.raw(f"GET /hooks/{point.token_local} HTTP/9.1\r\n\r\n".encode())

    eventually(lambda: '"other"' in proxy.logs)
    lines = [json.loads(line) for line in (proxy.folder / "receiver.log").read_text().splitlines()]
    assert {line["route"] for line in lines} >= {
        "/hooks/<token>",
        "/api/v1/sends",
        "/rest/v1/service/integration_tokens",
        "other",
    }
    assert [word for word in private if word in proxy.logs] == []


@contextmanager
def standing_in() -> Iterator[ThreadingHTTPServer]:
    """An instance that is there and says 503."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Unready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_who_is_away_or_takes_nothing_is_passed_over(
    server: Server, service: Service, tmp_path: Path
) -> None:
    path = f"/hooks/{make_point(service).token_local}"
    with standing_in() as unready:
        for port in (unready.server_port, free_port()):
            folder = tmp_path / str(port)
            folder.mkdir()
            with proxying(folder, port, server.port) as proxy:
                answers = [proxy.request("POST", path, body_of()) for _ in range(6)]
                read = proxy.request("GET", "/health/live")

                assert {answer.status for answer in (*answers, read)} == {200}
                assert f'"upstream": "127.0.0.1:{port}, ' in proxy.logs
