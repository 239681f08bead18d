"""A sandbox on a loop of its own, and a URL that it notifies."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import gevent
import requests
from msgspec import Struct

from receiver.sandbox.server import Server
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY

MESSAGING = "/resources/v1/messaging"
EVENTS = "/resources/v1/events/externalevent/"
PROFILES = "/resources/v2/customerappprofile"
NEVER_MAGIC = "447700900001"


class Call(Struct):
    """One call to the notify URL."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    at: float


class Hook:
    """Takes what is posted to it; its paths say what it answers: /hook/503/200, then the last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[Call] = []
        self.hold = threading.Event()
        self.hold.set()
        self.busy = self.busiest = 0
        self._lock = threading.Lock()

    def at(self, *statuses: int) -> str:
        return self.url + "/" + "/".join(map(str, statuses or (200,))) + f"?{time.monotonic_ns()}"

    def take(self, call: Call) -> int:
        with self._lock:
            self.calls.append(call)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        self.hold.wait(5)
        with self._lock:
            self.busy -= 1
        if call.method == "HEAD":
            return 200
        statuses = [int(part) for part in call.path.partition("?")[0].split("/")[2:]]
        return statuses[min(len(self.posted(call.path)), len(statuses)) - 1]

    def posted(self, url: str) -> list[Call]:
        path = url.removeprefix(self.url.removesuffix("/hook"))
        return [call for call in self.calls if call.method == "POST" and call.path == path]


class Called(Struct):
    """A running sandbox, as a caller sees it."""

    url: str

    def post(self, path: str, body: Any, *, key: str | None = SERVICE_KEY) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {} if key is None else {"key": key}
        with requests.post(self.url + path, data=raw, headers=headers, timeout=10) as answer:
            return answer.json()

    def get(self, path: str, *, key: str = SERVICE_KEY, **query: Any) -> Any:
        headers = {"key": key}
        with requests.get(self.url + path, params=query, headers=headers, timeout=10) as answer:
            return answer.json()


class Played(Called):
    """One that notifies a hook of ours."""

    hook: Hook

    def send(self, *destinations: str, url: str = "", **more: Any) -> str:
        """Send one message, and return its transid."""
        request = make_request(*destinations, notifyurl=url or self.hook.at(), **more)
        (answer,) = self.post(MESSAGING, request)["response"]
        assert answer["code"] == "1001"
        transid: str = answer["transid"]
        return transid

    def profile(self, *customers: str, app: str = "77") -> Any:
        records = [{"customerId": each, "Attributes": {"nick": "n"}} for each in customers]
        return self.post(f"{PROFILES}/{app}", {"Records": records}, key=PROFILE_KEY)

    def lines(self, transid: str, kind: str = "receipt") -> list[Any]:
        """Return the book's lines of a transaction, once none of them waits."""
        lines: list[Any] = until(
            lambda: self.get("/sandbox/book", transid=transid, kind=kind, limit=1000)["items"],
            lambda lines: lines and all(line["outcome"] != "waiting" for line in lines),
        )
        return lines


def make_request(*destinations: str, channel: str = "sms", **more: Any) -> dict[str, Any]:
    return {
        "deliverychannel": channel,
        "channels": {channel: {"text": "Hi", "senderid": "DEMOBK"}},
        "destination": [{"msisdn": list(destinations or (NEVER_MAGIC,))}],
        **more,
    }


def until(ask: Callable[[], Any], good: Callable[[Any], object], seconds: float = 30) -> Any:
    """Return what is asked, once it is good."""
    end = time.monotonic() + seconds
    while not good(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.03)
    return answer


@contextmanager
def serving(**given: Any) -> Iterator[str]:
    """Run a sandbox's server in a thread as long as the context lasts; yield its URL."""
    started: list[tuple[Server, str, Any]] = []
    up = threading.Event()

    def serve() -> None:
        server = Server(("127.0.0.1", 0), **given)
        started.append((server, server.start(), gevent.get_hub().loop))
        up.set()
        server.serve()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert up.wait(10)
    server, url, loop = started[0]
    try:
        yield url
    finally:
        loop.run_callback_threadsafe(gevent.spawn, server.stop)
        thread.join(10)


@contextmanager
def playing(hook: Hook, **more: Any) -> Iterator[Played]:
    """Run a sandbox that notifies `hook` as long as the context lasts."""
    given = {"retry": timedelta(milliseconds=100), "notify_url": hook.at(), **more}
    with serving(**given) as url:
        yield Played(url, hook)


@contextmanager
def hooked() -> Iterator[Hook]:
    """Serve a notify URL as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, self.path, body, headers, time.monotonic())
            self.send_response(hook.take(call))
            self.end_headers()

        def do_POST(self) -> None:
            self.do_HEAD()

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        request_queue_size = 200

    with Listener(("127.0.0.1", 0), Handler) as listener:
        hook = Hook(f"http://127.0.0.1:{listener.server_port}/hook")
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            listener.shutdown()
            thread.join()


def statuses(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line["status"] for line in lines]
