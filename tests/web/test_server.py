"""The hooks as gunicorn serves them: what a socket can do to them."""

import gzip
import json
import runpy
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from receiver.store.points import Point
from tests.web.server import Server, read, serving
from tests.web.service import Service, make_point, make_transid, message, receipt

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(database_url, tmp_path_factory.mktemp("gunicorn") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def open_point(service: Service) -> Point:
    return make_point(service, max_body=MEBIBYTE)


def body_of(status: str = "Delivered") -> bytes:
    return json.dumps(receipt(make_transid(), status)).encode()


@pytest.mark.parametrize("method", ["HEAD", "GET", "OPTIONS", "DELETE", "PROPFIND", "TRACE"])
def test_a_greeting_is_answered_200_and_empty(
    server: Server, open_point: Point, method: str
) -> None:
    for path in ("", "/", "/dr", "/any/where/"):
        answer = server.request(method, f"/hooks/{open_point.token_local}{path}")

        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "path",
    ["/hooks/{}", "/hooks/{}/", "//hooks/{}", "/hooks//{}", "//hooks//{}//dr//", "/hooks/{}/x/y"],
)
def test_slashes_never_redirect(server: Server, open_point: Point, method: str, path: str) -> None:
    answer = server.request(method, path.format(open_point.token_local), body_of())

    assert answer.status == 200
    assert answer.json["kind"] == "receipt"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml; charset=utf-8",
        "application/json; charset=nonsense",
        "x",
        ";;;",
        "",
    ],
)
def test_any_content_type_is_taken(server: Server, open_point: Point, kind: str) -> None:
    path = f"/hooks/{open_point.token_local}/dr"

    assert server.request("POST", path, body_of(), Content_Type=kind).status == 200


def test_gzip_and_chunks_are_taken(server: Server, open_point: Point) -> None:
    path = f"/hooks/{open_point.token_local}"
    zipped = gzip.compress(body_of())

    assert server.request("POST", path, zipped, Content_Encoding="gzip").status == 200
    assert server.raw(chunked(path, [zipped[:10], zipped[10:]])).status == 200


def chunked(path: str, chunks: list[bytes], *, end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def test_old_http_without_host_is_taken(server: Server, open_point: Point) -> None:
    body = body_of()
    head = f"POST /hooks/{open_point.token_local} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"

    assert server.raw(head.encode() + body).status == 200


def test_an_odd_host_is_taken(server: Server, open_point: Point) -> None:
    body = body_of()
    head = (
        f"POST /hooks/{open_point.token_local} HTTP/1.1\r\nHost: our_host:80:80/x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )

    assert server.raw(head.encode() + body).status == 200


def test_a_body_over_the_cap_is_413_and_its_head_kept(
    server: Server, service: Service, open_point: Point
) -> None:
    path = f"/hooks/{open_point.token_local}"
    large = b"[" + b" " * (3 * MEBIBYTE)
    pieces = [large[at : at + 65_000] for at in range(0, len(large), 65_000)]
    for answer in (server.request("POST", path, large), server.raw(chunked(path, pieces))):
        assert answer.status == 413
        assert answer.json["result"] == "quarantined"
        row = service.rows("SELECT * FROM quarantine WHERE id = :id", id=answer.json["id"])[0]
        assert (row["reason"], row["truncated"], row["answered"]) == ("too_large", True, 413)
        assert row["raw"] == large[: 64 * 1024]


def test_a_slow_body_is_503_and_the_line_is_closed(server: Server, open_point: Point) -> None:
    head = f"POST /hooks/{open_point.token_local} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"

    with server.connect() as line:
        began = time.monotonic()
        line.sendall(head.encode() + b"{")
        answer = read(line)
        waited = time.monotonic() - began

        assert answer.status == 503
        assert answer.headers["connection"] == "close"
        assert "retry-after" in answer.headers
        assert 4.5 < waited < 6.5
        assert line.recv(1) == b""


def test_a_slow_body_keeps_nobody_else_waiting(server: Server, open_point: Point) -> None:
    path = f"/hooks/{open_point.token_local}"
    with server.connect() as slow:
        slow.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            answers = list(
                threads.map(lambda _: server.request("POST", path, body_of()), range(40))
            )

    assert {answer.status for answer in answers} == {200}
    assert time.monotonic() - began < 4


def test_a_body_that_breaks_off_is_not_taken(
    server: Server, service: Service, open_point: Point
) -> None:
    transid = make_transid()
    body = json.dumps(receipt(transid, "Delivered")).encode()
    head = (
        f"POST /hooks/{open_point.token_local} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
    )
    with server.connect() as line:
        line.sendall(head.encode() + body)
        line.shutdown(socket.SHUT_WR)

        assert read(line).status == 503
    assert not service.rows("SELECT 1 FROM receipts WHERE transid = :transid", transid=transid)


def test_broken_chunks_are_ours_to_refuse(server: Server, open_point: Point) -> None:
    path = f"/hooks/{open_point.token_local}"

    assert server.raw(chunked(path, [b"{}"], end=b"nonsense\r\n")).status == 503


def test_an_unknown_token_is_404_and_its_body_unread(server: Server) -> None:
    assert server.request("POST", f"/hooks/{make_transid()}", body_of()).status == 404


def test_who_asks_without_end_keeps_nobody_else_waiting(server: Server, open_point: Point) -> None:
    path = f"/hooks/{open_point.token_local}"
    many = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    until = time.monotonic() + 2

    def ask(line: socket.socket) -> None:
        with suppress(TimeoutError):
            while time.monotonic() < until:
                line.sendall(many)

    def listen(line: socket.socket) -> None:
        with suppress(TimeoutError):
            while line.recv(65_536):
                pass

    waits: list[float] = []
    with server.connect() as line, ThreadPoolExecutor(2) as threads:
        threads.submit(ask, line)
        threads.submit(listen, line)
        time.sleep(0.3)
        while time.monotonic() < until:
            began = time.monotonic()
            assert server.request("POST", path, body_of()).status == 200
            waits.append(time.monotonic() - began)
        line.shutdown(socket.SHUT_RDWR)

    assert max(waits) < 1


def test_a_body_in_chunks_of_a_byte_has_no_more_time_than_others(
    server: Server, open_point: Point
) -> None:
    path = f"/hooks/{open_point.token_local}"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect() as line:
        line.sendall(head.encode())
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 12:
                line.sendall(b"1\r\n \r\n" * 10_000)

        assert time.monotonic() - began < 9


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "http", "X-Forwarded-Ssl": "on"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "http"},
    ],
    ids=" ".join,
)
def test_what_proxies_say_of_the_scheme_ends_no_notification(
    server: Server, open_point: Point, headers: dict[str, str]
) -> None:
    path = f"/hooks/{open_point.token_local}"

    assert server.request("POST", path, body_of(), **headers).status == 200


def test_who_takes_no_answer_is_hung_up_on_by_the_kernel() -> None:
    settings = runpy.run_path("config/gunicorn.conf.py")
    with (
        settings["_listener"]("127.0.0.1", "0", 5) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as line,
    ):
        options = [
            line.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_NODELAY, socket.TCP_USER_TIMEOUT)
        ]

    assert options == [1, 60_000]


def test_a_large_message_is_taken(server: Server, service: Service) -> None:
    point = make_point(service)
    body = json.dumps(message(text="x" * (6 * MEBIBYTE))).encode()

    assert server.request("POST", f"/hooks/{point.token_local}", body).status == 200


def test_a_line_that_waits_too_long_is_closed_without_a_word(
    database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    patience = {"GUNICORN_CMD_ARGS": "--keep-alive 1"}
    with serving(database_url, log, **patience) as server, server.connect() as half:
        half.sendall(b"POST /hooks/x HT")
        with server.connect() as idle:
            idle.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            read(idle, method="HEAD")
            began = time.monotonic()

            assert half.recv(1) == idle.recv(1) == b""

            assert 0.9 < time.monotonic() - began < 2
    assert '"error"' not in log.read_text()


def test_the_end_closes_a_silent_line_without_a_word(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(database_url, log) as server:
        idle = server.connect()
        idle.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        read(idle, method="HEAD")

    with idle:
        assert idle.recv(1) == b""
    assert '"error"' not in log.read_text()


def test_a_postgres_that_never_answers_is_503_in_time(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
        with serving(url, tmp_path_factory.mktemp("gunicorn") / "log") as server:
            for path in ("/hooks/x", "/hooks/y"):
                began = time.monotonic()
                assert server.request("POST", path, b"{}").status == 503
                assert time.monotonic() - began < 4
            assert server.request("GET", "/health/ready").status == 503


def test_without_postgres_everything_is_503(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with serving(nowhere, tmp_path_factory.mktemp("gunicorn") / "log") as server:
        for method, path in (("POST", "/hooks/x"), ("HEAD", "/hooks/x")):
            answer = server.request(method, path, b"{}")
            assert answer.status == 503
            assert answer.headers["retry-after"]
        answer = server.request("POST", "/api/v1/sends", b"{}", Authorization="Bearer x")
        assert (answer.status, answer.json["status"]) == (503, 503)
        assert answer.headers["retry-after"]
        assert server.request("GET", "/health/ready").status == 503
        assert server.request("GET", "/health/live").status == 200
