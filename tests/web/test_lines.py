"""How answers leave, by gunicorn's own response over a real socket that keeps pieces apart."""

import socket
from collections.abc import Iterable
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from gunicorn.config import Config
from gunicorn.http.wsgi import Response

from receiver.web.lines import Lines

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def sent(body: list[bytes], headers: list[tuple[str, str]], method: str = "POST") -> list[bytes]:
    """Return what an answer is sent as, piece by piece."""

    def application(_: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        start("200 OK", headers)
        return body

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = SimpleNamespace(version=(1, 1), method=method, should_close=lambda: False)
    with closing(theirs):
        with closing(ours):
            response = Response(request, ours, Config())
            for piece in Lines(application)({}, response.start_response):
                response.write(piece)
            response.close()
        return [*iter(lambda: theirs.recv(65536), b"")]


def test_head_and_body_leave_together() -> None:
    (whole,) = sent([b"{}"], [("Content-Length", "2")])

    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"{}"


def test_of_what_is_streamed_each_piece_leaves_as_it_comes() -> None:
    first, *rest = sent([b"ab", b"c"], [])

    assert first.endswith(b"\r\n\r\n2\r\nab\r\n")
    assert rest == [b"1\r\nc\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize(
    ("method", "body"),
    [pytest.param("HEAD", [b""], id="head"), pytest.param("POST", [], id="none")],
)
def test_without_a_body_the_head_leaves_alone(method: str, body: list[bytes]) -> None:
    (head,) = sent(body, [("Content-Length", "0")], method)

    assert head.endswith(b"\r\n\r\n")


def test_a_line_is_closed_where_the_answer_says_so() -> None:
    (whole,) = sent([b"{}"], [("Content-Length", "2"), ("Connection", "close")])

    assert b"Connection: close\r\n" in whole
