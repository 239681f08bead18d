"""The operations listener: health and metrics without a key, nothing else, by its socket alone."""

import http.client
import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from receiver import create_operations
from receiver.web.auth import PUBLIC, declared
from receiver.web.openapi import DOCUMENT
from tests.cli.processes import eventually, free_port, running
from tests.conftest import MakeDatabase
from tests.web.server import Answer, Server, serving
from tests.web.service import (
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)
from tests.web.service import running as service_of
from tests.web.test_away import Known, known, up
from tests.web.test_ends import idle_line

__all__ = ["known"]  # fixtures
OPEN = {"/health/live", "/health/ready", "/health/database", "/health/flow", "/metrics"}


@pytest.fixture(scope="module")
def operations(service: Service) -> Any:
    """Return a client of the operations listener."""
    return create_operations(service.app).test_client()


@dataclass(frozen=True)
class Doors:
    """One gunicorn with both listeners."""

    public: Server
    operations: Server


@pytest.fixture(scope="module")
def doors(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    beside, folder = free_port(), tmp_path_factory.mktemp("doors")
    more = {"RECEIVER_OPERATIONS": f"127.0.0.1:{beside}", "RECEIVER_VAR": str(folder)}
    with serving(database_url, folder / "log", **more) as server:
        yield Doors(server, Server(beside))


def test_health_and_metrics_are_there_and_nothing_else(service: Service, operations: Any) -> None:
    app = operations.application
    rules: list[Rule] = list(app.url_map.iter_rules())

    assert {rule.rule for rule in rules} == OPEN
    assert {declared(app.view_functions[rule.endpoint]) for rule in rules} == {PUBLIC}
    assert declared(service.app.view_functions["metrics.show"]) == "read"


@pytest.mark.parametrize("path", sorted(set(DOCUMENT["paths"]) - OPEN))
def test_no_other_path_is_answered(service: Service, operations: Any, path: str) -> None:
    caller, point = make_caller(service), make_point(service)
    path = re.sub(r"{\w+}", point.token_local, path)
    headers = {"Authorization": f"Bearer {caller.secret}", "key": caller.secret}
    for method in ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "LOOKUP"):
        answer = operations.open(path, method=method, headers=headers, json={})

        assert answer.status_code == 404, method


def test_without_a_key_all_domains_are_shown(make_database: MakeDatabase, tmp_path: Path) -> None:
    with service_of(make_database(), var_dir=tmp_path) as service:
        points = [make_point(service, domain=make_domain()) for _ in range(2)]
        for point in points:
            service.hook(point, receipt(make_transid(), "Failed", code="7107"))
            make_caller(service, domain=point.domain, point_ids=[point.id]).record(
                transid=make_transid(), destinations=["447700900123"]
            )
        client = create_operations(service.app).test_client()

        flow, metrics = client.get("/health/flow"), client.get("/metrics")

    assert flow.json
    flows = [each["point"] for each in flow.json["points"] if each["point"]]
    assert {each["code"] for each in flows} == {point.code for point in points}
    assert 'receiver_hour_failures{code="7107"} 2.0' in metrics.text
    assert 'receiver_hour_sends{kind="recorded"} 2.0' in metrics.text
    for point in points:
        assert f'domain="{point.domain}",kind="receipt",point="{point.code}"' in metrics.text


def test_on_the_public_listener_nothing_changes(doors: Doors, service: Service) -> None:
    assert doors.public.request("GET", "/metrics").status == 401
    assert doors.public.request("GET", "/health/flow").status == 401
    assert doors.public.request("GET", "/health/database").status == 401
    assert doors.public.request("GET", "/health/ready").status == 200
    read = f"Bearer {make_caller(service, scopes=['read']).secret}"
    assert doors.public.request("GET", "/metrics", Authorization=read).status == 200


def test_the_operations_listener_answers_whoever_reaches_it(doors: Doors) -> None:
    for path in sorted(OPEN):
        assert doors.operations.request("GET", path).status == 200, path
    odd = doors.operations.request("GET", "/metrics", Authorization="Bearer nobody's")
    assert odd.status == 200
    assert odd.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("path", ["/metrics", "/health/database", "/health/flow"])
def test_no_header_leads_to_the_other_listener(doors: Doors, path: str) -> None:
    """What a caller says of where he came in counts for nothing, on the public listener."""
    there = f"127.0.0.1:{doors.operations.port}"
    port = str(doors.operations.port)
    said = {
        "Forwarded": f"host={there};for=127.0.0.1",
        "X_Forwarded_Host": there,
        "X_Forwarded_Port": port,
        "X_Forwarded_Server": there,
        "X_Forwarded_For": "127.0.0.1",
        "X_Real_IP": "127.0.0.1",
        "X_Original_URL": f"http://{there}{path}",
        "Server_Port": port,
        "Server_Name": "127.0.0.1",
        "Receiver_Operations": there,
    }

    assert doors.public.request("GET", path, b"", **said).status == 401
    for line in (f"GET {path}", f"GET http://{there}{path}"):
        assert raw(doors.public, line, there).status in (400, 401), line


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/{token}",
        "//hooks/{token}",
        "/metrics/../hooks/{token}",
        "/health/..%2fhooks/{token}",
        "/api/openapi.json",
        "/api/docs",
        "/api/v1/sends",
        "/resources/v1/messaging",
        "/rest/v1/service/integration_points",
        "/sandbox/book",
        "/",
    ],
)
def test_what_is_public_is_not_there(doors: Doors, service: Service, path: str) -> None:
    point = make_point(service)
    key = make_caller(service).secret
    path = path.format(token=point.token_local)
    body = json.dumps(message()).encode()
    there = f"127.0.0.1:{doors.public.port}"
    for method in ("GET", "POST"):
        answer = doors.operations.request(
            method,
            path,
            body if method == "POST" else b"",
            Authorization=f"Bearer {key}",
            X_Forwarded_Port=str(doors.public.port),
        )
        assert answer.status == 404, method
    assert raw(doors.operations, f"GET http://{there}{path}", there).status == 404


def raw(server: Server, line: str, host: str) -> Answer:
    return server.raw(f"{line} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


def test_it_reloads_and_ends_as_the_public_one_does(known: Known, var: Path) -> None:
    port, beside = free_port(), free_port()
    more = {"PORT": str(port), "DATABASE_URL": known.url, "WEB_CONCURRENCY": "2"}
    with running("serve", var=var, RECEIVER_OPERATIONS=f"127.0.0.1:{beside}", **more) as service:
        up(service, port)
        eventually(lambda: service.output.count("Worker listens") == 2)
        line = idle_line(beside)
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: "Handling signal: hup" in service.output)
        eventually(lambda: "close" in told(line))
        eventually(lambda: service.output.count("Worker exiting") == 2)
        assert Server(beside).request("GET", "/health/live").status == 200
        assert service.stop() == 0
        assert "open connections" not in service.output


def told(line: http.client.HTTPConnection) -> str:
    """Ask for the metrics, and return what the answer says of the line."""
    line.request("GET", "/metrics")
    answer = line.getresponse()
    assert answer.status == 200
    assert answer.read().count(b"receiver_build_info{") == 1
    return str(answer.headers.get("Connection", ""))
