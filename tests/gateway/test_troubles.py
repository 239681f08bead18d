"""A platform in trouble: the caller hears so in its words and in time, and the send is kept."""

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from receiver.platform.lines import is_private
from receiver.web.gateway.gate import MOST_CALLS
from tests.gateway.conftest import DEADLINE, EVENTS, Client, make_client
from tests.gateway.test_messaging import message, refused
from tests.gateway.upstream import Asked, Upstream, Way, says, writes
from tests.web.service import Service, receipt, running

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HTML = b"<html><body>Bad Gateway</body></html>"


def drips(head: bytes) -> Way:
    """Begin to answer, and go on for ever."""

    def way(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.wfile.write(head)
        for _number in range(1000):
            handler.wfile.write(b" ")
            time.sleep(0.02)

    return way


def is_silent(handler: BaseHTTPRequestHandler, _: Asked) -> None:
    time.sleep(DEADLINE.total_seconds() + 0.5)


@pytest.mark.parametrize(
    ("way", "http"),
    [
        pytest.param(says(HTML, Content_Type="text/html"), 502, id="html"),
        pytest.param(says(HTML, http=502), 502, id="html-502"),
        pytest.param(says(HTML, http=413), 502, id="html-413"),
        pytest.param(says(b"", http=200), 502, id="empty"),
        pytest.param(says(b"", http=500), 502, id="empty-500"),
        pytest.param(says(b" " * 10_000_000), 502, id="10-mb"),
        pytest.param(says(b"{", http=200), 502, id="half-json"),
        pytest.param(says(b"\xff\xfe\xfa", http=200), 502, id="bytes"),
        pytest.param(says({}, http=302, Location="/elsewhere"), 502, id="redirect"),
        pytest.param(says(b"", http=307, Location="/elsewhere"), 502, id="redirect-307"),
        pytest.param(says(b"{}", Content_Encoding="gzip"), 200, id="claims-gzip"),
        pytest.param(writes(b""), 502, id="nothing"),
        pytest.param(writes(b"SSH-2.0-OpenSSH_9.6\r\n"), 502, id="no-http"),
        pytest.param(writes(HEAD + b"Content-Length: 90\r\n\r\n{"), 502, id="half-body"),
        pytest.param(writes(HEAD + b"Content-Length: 90\r\n\r\n"), 502, id="early-close"),
        pytest.param(writes(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"), 502, id="chunk"),
        pytest.param(writes(HEAD + b"\r\n{"), 502, id="half-without-length"),
        pytest.param(is_silent, 504, id="silent"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Long: "), 504, id="drips-head"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\n\r\n"), 504, id="drips-body"),
    ],
)
def test_whatever_it_does_the_caller_is_told_in_time(
    client: Client, platform: Upstream, way: Way, http: int
) -> None:
    platform.way = way
    began = time.monotonic()

    answer = client.send(message(correlationid="order-17"))

    assert time.monotonic() - began < DEADLINE.total_seconds() + 1
    assert len(platform.asked) == 1
    sent = client.only()
    assert (sent["state"], sent["correlationid"]) == ("unconfirmed", "order-17")
    assert sent["deliveries"][0]["outcome"] == "pending"
    if http != 200:
        refused(answer, "7006", http=http)
        assert answer.json["response"]["transid"] == sent["id"]


@pytest.mark.parametrize("http", [401, 404, 429])
def test_an_empty_refusal_is_the_platforms_own(
    client: Client, platform: Upstream, http: int
) -> None:
    platform.way = says(b"", http=http)

    answer = client.send(message())

    assert (answer.status_code, answer.data) == (http, b"")
    assert client.only()["state"] == "refused"


def test_nobody_there_is_502(service: Service, var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = make_client(service, var, f"http://127.0.0.1:{port}")

    description = refused(client.send(message()), "7006", http=502)

    assert "ConnectionRefusedError" in description
    assert str(port) not in description
    assert client.only()["state"] == "unconfirmed"


def test_events_have_their_own_code(client: Client, platform: Upstream) -> None:
    platform.way = writes(b"")

    refused(client.send({"events": [{"evtid": "4451"}]}, path=EVENTS), "7005", http=502)


def test_a_name_that_there_is_not_is_502(service: Service, var: Path) -> None:
    client = make_client(service, var, "http://nowhere.invalid")

    refused(client.send(message()), "7006", http=502)


@pytest.fixture(scope="module")
def guarded(database_url: str, var: Path) -> Iterator[Service]:
    """The application as it is by default: it calls no private address."""
    with running(database_url, var_dir=var) as service:
        yield service


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_no_private_address_is_called_by_default(
    guarded: Service, var: Path, platform: Upstream, host: str
) -> None:
    client = make_client(guarded, var, platform.url.replace("127.0.0.1", host))

    assert "private" in refused(client.send(message()), "7006", http=502)
    assert platform.asked == []


@pytest.mark.parametrize(
    ("address", "private"),
    [
        *((text, True) for text in ("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254")),
        *((text, True) for text in ("100.64.0.1", "127.8.8.8", "0.0.0.0", "224.0.0.1", "::1")),
        *((text, True) for text in ("fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "ff02::1")),
        *((text, True) for text in ("64:ff9b::a00:1", "2002:a00:1::")),
        *((text, False) for text in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8")),
        ("64:ff9b::808:808", False),
    ],
)
def test_which_addresses_are_private(address: str, *, private: bool) -> None:
    assert is_private(address) is private


def test_past_a_number_of_calls_the_answer_is_503_at_once(
    service: Service, client: Client, platform: Upstream
) -> None:
    gate = service.app.extensions["receiver"].gateway.gate
    for _ in range(MOST_CALLS):
        gate.__enter__()
    try:
        answer = client.send(message())
        hook = service.hook(client.point, receipt("t-busy", "Delivered"))
    finally:
        for _ in range(MOST_CALLS):
            gate.__exit__()

    refused(answer, "7006", http=503)
    assert hook.status_code == 200
    assert platform.asked == []
    assert client.send(message()).status_code == 200
