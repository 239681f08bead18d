"""Where a program that serves nothing else tells how it does: an operations listener of its own."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final

import structlog
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from receiver.cli.port import Listener, sentence
from receiver.domain.errors import SetupError

#: Whoever is silent for longer is hung up on.
SILENCE_SECONDS: Final = 5
#: Lines that are open at once: of those who watch, there are few.
MOST_LINES: Final = 16

#: By path, what is answered: its type, and what makes it.
Answers = Mapping[str, tuple[str, Callable[[], bytes]]]

logger = structlog.get_logger()


@contextmanager
def told(listener: Listener | None, registry: CollectorRegistry) -> Iterator[None]:
    """Answer /health/live and /metrics there, if anywhere, for as long as the context lasts.

    Raises: SetupError where nobody can listen there.
    """
    if listener is None:
        yield
        return
    answers: Answers = {
        "/health/live": ("application/json", lambda: json.dumps({"status": "live"}).encode()),
        "/metrics": (CONTENT_TYPE_PLAIN_0_0_4, lambda: generate_latest(registry)),
    }
    try:
        server = _Server(listener, answers)
    except OSError as error:
        raise SetupError(sentence(listener, error)) from error
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each connection, of which there are so many and no more."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, listener: Listener, answers: Answers) -> None:
        self.answers = answers
        self._lines = threading.BoundedSemaphore(MOST_LINES)
        self.address_family, _, _, address = listener.address()
        super().__init__(address, _Handler)

    def verify_request(self, *_: object) -> bool:
        """Take a line, if there is one left."""
        return self._lines.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer over one line, and give it back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._lines.release()

    def handle_error(self, *_: object) -> None:
        """Say that an answer got lost, but not whose."""
        error = sys.exc_info()[0]
        logger.warning("operations_interrupted", error=error.__name__ if error else "unknown")


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    timeout = SILENCE_SECONDS

    def do_GET(self) -> None:
        """Answer what there is."""
        answer = self.server.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._answer(HTTPStatus.OK, answer[0], answer[1]())

    do_HEAD = do_GET  # noqa: N815  so it is looked up

    def send_error(self, code: int, *_: object) -> None:
        """Answer a problem, which says nothing of what was asked."""
        problem = {"type": "about:blank", "title": HTTPStatus(code).phrase, "status": int(code)}
        self._answer(code, "application/problem+json", json.dumps(problem).encode())

    def log_message(self, *_: object) -> None:
        """Write no line: it would quote the request."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
