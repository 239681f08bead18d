"""The platform's status call on a real socket, as a test wants it to be."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

PATH = "/resources/v1/messaging/status/"
Answer = Callable[[BaseHTTPRequestHandler], None]


class StandIn:
    """What was asked, and what is answered: `answers` by transid, `otherwise` for all others."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        """The transids, as they were spelled."""
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.otherwise: Answer = says([])
        self.closing = threading.Event()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.paths.append(handler.path)
        self.keys.append(handler.headers["key"])
        name = unquote(handler.path.rpartition("/")[2])
        self.asked.append(name)
        self.answers.get(name, self.otherwise)(handler)


def says(value: Any, *, http: int = 200, **headers: str) -> Answer:
    """Answer with JSON, or with bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(http)
        for name, text in {"Content-Length": str(len(raw)), **headers}.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def status_of(transid: str, status: str, **more: Any) -> dict[str, Any]:
    """One element of an answer."""
    return {
        "transactionid": transid,
        "to": "447700900123",
        "channel": "SMS",
        "status": status,
        "last_updated": "Mon, 16 Aug 2010 03:45:03 UTC",
        "error_code": None,
        **more,
    }


@contextmanager
def standing_in(*, tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """Listen for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A line that was cut is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "https" if tls else "http"
    stand_in = StandIn(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
