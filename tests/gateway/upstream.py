"""The platform on a real socket, as a test wants it to answer."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

#: Writes an answer to what was asked.
Way = Callable[[BaseHTTPRequestHandler, "Asked"], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """What was asked, and how it is answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.way: Way = queued
        self.closing = threading.Event()

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        asked = Asked(
            handler.command,
            handler.path,
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(length),
        )
        self.asked.append(asked)
        self.way(handler, asked)


def says(value: Any, *, http: int = 200, **headers: str) -> Way:
    """Answer with JSON, or with bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    told = {
        "Content-Type": "application/json",
        "Content-Length": str(len(raw)),
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }

    def way(handler: BaseHTTPRequestHandler, _: Asked) -> None:
        handler.send_response(http)
        for name, text in told.items():
            handler.send_header(name, text)
        handler.end_headers()
        handler.wfile.write(raw)

    return way


def writes(raw: bytes) -> Way:
    """Answer with these bytes, be they HTTP or not, and close the line."""
    return lambda handler, _: (handler.wfile.write(raw), None)[1]


def entry(transid: str, code: str = "1001", **more: Any) -> dict[str, Any]:
    return {"code": code, "description": "Queued", "transid": transid, **more}


def queued(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    """Answer as the platform does when all is well: an entry for each request of a batch."""
    given = asked.json
    base = str(uuid4())
    requests = given if isinstance(given, list) else [given]
    names = [f"{base}_{index}" if index else base for index in range(len(requests))]
    entries = [
        entry(name, correlationid=one.get("correlationid", ""))
        for name, one in zip(names, requests, strict=True)
    ]
    says({"response": entries})(handler, asked)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Listen for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.take(self)

        def do_POST(self) -> None:
            found.take(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 200

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A line that was cut is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    found = Upstream(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
