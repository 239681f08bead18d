"""The load against real servers on loopback: what it counts, and from when."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import receipts
from bench.load import BROKEN, Load, NobodyAnswersError, Requests, status_of

CONNECTIONS = 4


class Heard:
    """What a server has heard, and what it does with the next request."""

    def __init__(self, treat: Callable[[int], int]) -> None:
        self.transids: list[str] = []
        self._treat = treat
        self._lock = threading.Lock()

    def hear(self, body: bytes) -> int:
        """Return the status for a body; 0 for none at all."""
        transid = body.partition(b'"transid":"')[2].partition(b'"')[0].decode()
        with self._lock:
            self.transids.append(transid)
            number = len(self.transids)
        return self._treat(number)


@contextmanager
def serving(treat: Callable[[int], int]) -> Iterator[tuple[tuple[str, int], Heard]]:
    """A small server; `treat` gets the number of a request and returns its status."""
    heard = Heard(treat)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            status = heard.hear(self.rfile.read(int(self.headers["Content-Length"])))
            if status == BROKEN:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield ("127.0.0.1", server.server_address[1]), heard
        finally:
            server.shutdown()
            thread.join()


def requests(address: tuple[str, int]) -> Requests:
    return receipts.requests(f"http://127.0.0.1:{address[1]}/hooks/token", seed=1)


def test_every_request_is_in_the_journal_once_with_its_answer() -> None:
    with serving(lambda _: 200) as (address, heard):
        with Load(address, requests(address), connections=CONNECTIONS) as load:
            journal = load.closed(0.3)

        assert sorted(journal.ids) == sorted(heard.transids)
        assert len(set(journal.ids)) == len(journal.ids) > CONNECTIONS
        assert journal.answered == journal.ids
        assert journal.refused == {}
        assert journal.rate * 0.3 == pytest.approx(len(journal.ids), abs=CONNECTIONS)
        assert 0 < journal.sorted_latencies[0] <= journal.sorted_latencies[-1] < 0.3


def test_a_connection_that_breaks_is_no_200_and_the_load_goes_on() -> None:
    with serving(lambda number: BROKEN if number % 10 == 0 else 200) as (address, heard):
        with Load(address, requests(address), connections=CONNECTIONS) as load:
            journal = load.closed(0.3)

        broken = set(heard.transids[9::10])
        assert journal.refused == {BROKEN: len(broken)}
        assert set(journal.answered) == set(heard.transids) - broken
        assert len(journal.answered) > 20


def test_another_answer_is_counted_by_its_status() -> None:
    with serving(lambda number: 503 if number <= 3 else 200) as (address, heard):
        with Load(address, requests(address), connections=CONNECTIONS) as load:
            journal = load.closed(0.2)

        assert journal.refused == {503: 3}
        assert len(journal.answered) == len(heard.transids) - 3


def test_open_load_keeps_its_rate_and_measures_from_when_a_request_was_due() -> None:
    def stall(number: int) -> int:
        if number == 20:
            time.sleep(0.4)
        return 200

    with serving(stall) as (address, _):
        with Load(address, requests(address), connections=1) as load:
            journal = load.open(0.8, rate=100, seed=1)

        assert 50 < len(journal.ids) < 120
        late = [latency for latency in journal.latencies if latency > 0.1]
        assert len(late) > 15, "those that were due while the server stood still have waited"
        assert 0.4 <= max(late) < 0.8
        assert journal.sorted_latencies[len(journal.ids) // 3] < 0.1


def test_a_server_that_is_gone_ends_the_visit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address: tuple[str, int] = listener.getsockname()
        load = Load(address, requests(address), connections=1)
        taken, _ = listener.accept()
    taken.close()

    with load, pytest.raises(NobodyAnswersError):
        load.closed(1)


@pytest.mark.parametrize(
    ("received", "status"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", None, id="half a head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None, id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, id="whole"),
        pytest.param(b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", 503, id="no body"),
    ],
)
def test_an_answer_counts_once_it_is_whole(received: bytes, status: int | None) -> None:
    assert status_of(received) == status


def test_receipts_differ_in_transid_and_fit_their_length() -> None:
    found: Sequence[tuple[str, bytes]] = list(
        itertools.islice(receipts.requests("http://127.0.0.1:1/hooks/x", seed=1), 100)
    )

    assert len({transid for transid, _ in found}) == 100
    for transid, request in found:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert transid.encode() in body
        assert 350 < len(body) < 400
