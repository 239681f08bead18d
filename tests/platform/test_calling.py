"""Calls to the platform, over real sockets: whatever it does, we are done in time."""

import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from receiver.domain.errors import BadInputError
from receiver.platform.calling import MOST_BYTES, Heard, ask_status, checked_key, checked_url
from receiver.platform.lines import CallError
from tests.certificates import certified
from tests.platform.standin import PATH, StandIn, says, standing_in


@pytest.fixture
def platform() -> Iterator[StandIn]:
    with standing_in() as platform:
        yield platform


def test_a_question_carries_transid_and_key(platform: StandIn) -> None:
    platform.otherwise = says(b"[]", Retry_After="7")

    heard = ask_status(f"{platform.url}/eu/", "secret", "a/b?c_0")

    assert heard == Heard(http=200, body=b"[]", retry_after_seconds=7.0)
    assert platform.paths == [f"/eu{PATH}a%2Fb%3Fc_0"]
    assert platform.keys == ["secret"]


@pytest.mark.parametrize("http", [204, 301, 302, 307, 401, 404, 429, 500, 503])
def test_any_status_is_heard_and_nothing_is_followed(platform: StandIn, http: int) -> None:
    platform.otherwise = says(b"", http=http, Location=f"{platform.url}/elsewhere")

    assert ask_status(platform.url, "k", "t").http == http
    assert platform.asked == ["t"]


def drip(handler: BaseHTTPRequestHandler, platform: StandIn) -> None:
    while not platform.closing.wait(0.02):
        handler.wfile.write(b"x")


def dripping_head(handler: BaseHTTPRequestHandler, platform: StandIn) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(handler, platform)


def dripping_body(handler: BaseHTTPRequestHandler, platform: StandIn) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    drip(handler, platform)


def silent(handler: BaseHTTPRequestHandler, platform: StandIn) -> None:
    platform.closing.wait(5)


@pytest.mark.parametrize("way", [silent, dripping_head, dripping_body])
def test_an_answer_that_does_not_end_is_cut(
    platform: StandIn, way: Callable[[BaseHTTPRequestHandler, StandIn], None]
) -> None:
    platform.otherwise = lambda handler: way(handler, platform)
    began_at = time.monotonic()

    with pytest.raises(CallError):
        ask_status(platform.url, "k", "t", total_seconds=0.3)

    assert time.monotonic() - began_at < 2


def write(raw: bytes, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", id="cut-short"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", id="cut-before"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n[]", id="chunk"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="no-http"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_whole_answer_is_none(platform: StandIn, raw: bytes) -> None:
    platform.otherwise = partial(write, raw)

    with pytest.raises(CallError, match=r"no answer|not come whole"):
        ask_status(platform.url, "secret", "t")


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 3 * MOST_BYTES])
def test_an_answer_that_is_too_large_is_none(platform: StandIn, size: int) -> None:
    platform.otherwise = says(b" " * size)

    with pytest.raises(CallError, match="larger"):
        ask_status(platform.url, "k", "t")


def test_one_of_just_the_size_is_heard(platform: StandIn) -> None:
    platform.otherwise = says(b" " * MOST_BYTES)

    assert len(ask_status(platform.url, "k", "t").body) == MOST_BYTES


def test_nobody_there_is_no_answer() -> None:
    with standing_in() as platform:
        url = platform.url

    with pytest.raises(CallError, match="ConnectionRefusedError") as caught:
        ask_status(url, "secret", "t-17")
    assert "secret" not in str(caught.value)
    assert "t-17" not in str(caught.value)


def test_a_handshake_that_does_not_end_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        began_at = time.monotonic()

        with pytest.raises(CallError):
            ask_status(f"https://127.0.0.1:{port}", "k", "t", total_seconds=0.3)

    assert time.monotonic() - began_at < 2


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certified(tmp_path)
    with standing_in(tls=context) as platform:
        with pytest.raises(CallError, match="SSLCertVerificationError"):
            ask_status(platform.url, "k", "t")
        assert platform.asked == []

        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert ask_status(platform.url, "k", "t").http == 200


@pytest.mark.parametrize(
    "text",
    [
        *("", "api.example.com", "ftp://api.example.com", "https://", "file:///etc/passwd"),
        *("https://me:pw@api.example.com", "https://api.example.com/?a=b", "https://a/#b"),
        *("https://a b", "https://a:port", "https://[::1", "https://ä.example", "https://a\r\nb"),
        f"https://{'a' * 500}",
    ],
)
def test_only_plain_addresses_are_taken(text: str) -> None:
    with pytest.raises(BadInputError, match="platform_url"):
        checked_url(text)
    with pytest.raises(CallError, match="platform_url"):
        ask_status(text, "k", "t")


def test_an_address_loses_its_slash() -> None:
    assert checked_url("https://api.example.com:8443/eu/") == "https://api.example.com:8443/eu"


@pytest.mark.parametrize("text", ["", " ", "a\nb", "ä", "k" * 5000])
def test_a_key_is_one_line_of_plain_characters(text: str) -> None:
    with pytest.raises(BadInputError, match="key"):
        checked_key(text)
    with pytest.raises(CallError, match="key"):
        ask_status("http://127.0.0.1:1", text, "t")
