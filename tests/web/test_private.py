"""Private data stays in: it is sent everywhere, and no line of a real gunicorn's log has it."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy.orm import Session

from receiver.store import points
from receiver.store.database import connect
from receiver.web.openapi import DOCUMENT
from tests.cli.processes import eventually
from tests.conftest import MakeDatabase
from tests.web.server import serving
from tests.web.service import Service, make_caller, running

NUMBER, PLUS, ADDRESS = "447700900777", "+44 7700 900778", "somebody@private.example"
TEXT, GUESS, SPOKEN = "a-very-private-text", "82ddc7c68623726346a78371173e2f8d", "rk_guessed"
WORDS = (NUMBER, PLUS, ADDRESS, TEXT, GUESS, SPOKEN)
HEADERS = (
    *("X-Request-ID", "User-Agent", "Referer", "Cookie", "X-Forwarded-For", "If-None-Match"),
    *("Idempotency-Key", "X-HTTP-Method-Override", "X-Hub-Signature", "X-Private", "Accept"),
)
#: Without these whoever reads them raises.
TABLES = ("sends", "deliveries", "messages", "platform_events", "receipts", "audit_log", "changes")
#: Or each request would take its time.
UNTRIED = {"wait"}


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    query: str = ""


@dataclass
class Watched:
    """A server, and its log."""

    port: int
    log: Path
    url: str
    token: str
    key: str
    sent: int = 0

    def send(self, requests: Iterable[Sent], words: Sequence[str]) -> Counter[int]:
        """Send requests with private headers, wait for their lines, and return the statuses."""
        statuses: Counter[int] = Counter()
        line = HTTPConnection("127.0.0.1", self.port, timeout=20)
        for request, word in zip(requests, itertools.cycle(words)):
            headers = {**dict.fromkeys(HEADERS, word), "Authorization": f"Bearer {self.key}"}
            headers["Content-Type"] = f"text/{word}" if request.method == "PUT" else "text/json"
            target = f"{request.path}?{request.query}" if request.query else request.path
            line.request(request.method, target, request.body, headers)
            answer = line.getresponse()
            answer.read()
            statuses[answer.status] += 1
            self.sent += 1
        line.close()
        eventually(lambda: len(self.lines("request")) >= self.sent)
        return statuses

    def lines(self, event: str = "") -> Sequence[dict[str, Any]]:
        """Return the lines of the log, or those that tell of one event."""
        every = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in every if event in ("", line["event"])]

    @property
    def private(self) -> Sequence[str]:
        return (*WORDS, quote(PLUS), self.token, self.key)


@pytest.fixture(scope="module")
def watched(
    make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    url, log = make_database(), tmp_path_factory.mktemp("private") / "log"
    with running(url) as service, Session(service.engine) as session:
        token = points.add(session, domain="default", code="otp").token_local
        session.commit()
        key = make_caller(service).secret
    with serving(url, log, RECEIVER_LOG_LEVEL="DEBUG") as server:
        yield Watched(server.port, log, url, token, key)


def everywhere(token: str, words: Sequence[str]) -> Iterator[Sent]:
    """Yield each operation of the document, with each word in each of its places."""
    for path, methods in DOCUMENT["paths"].items():
        for (method, operation), word in itertools.product(methods.items(), words):
            filled = path
            if path.startswith("/hooks/"):
                filled = filled.replace("{token}", token if method == "post" else quote(word))
            filled = re.sub(r"{\w+}", quote(word, safe=""), filled)
            names = [each["name"] for each in operation["parameters"] if each.get("in") == "query"]
            for query in queries({*names} - UNTRIED, word):
                yield Sent(method.upper(), filled, query=query)
            for body in bodies(operation, word):
                yield Sent(method.upper(), filled, body=body)


def queries(names: Iterable[str], word: str) -> Iterator[str]:
    """Yield a query that nobody knows, one with all names, and each alone of a number."""
    yield urlencode({word: word})
    yield urlencode(dict.fromkeys(sorted(names), word))
    for name in sorted(names) if word == NUMBER else ():
        yield urlencode({name: word})


def bodies(operation: Mapping[str, Any], word: str) -> Iterator[bytes]:
    """Yield what the operation takes with a word in it, what has it as names, and no JSON."""
    if "requestBody" not in operation:
        return
    yield f'{{"{word}": "{word}'.encode()
    yield json.dumps({word: word}).encode()
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        yield json.dumps(filled_in(example["value"], word)).encode()


def filled_in(value: Any, word: str) -> Any:
    """Return a JSON value with a word in place of all its texts."""
    if isinstance(value, dict):
        return {name: filled_in(each, word) for name, each in value.items()}
    if isinstance(value, list):
        return [filled_in(each, word) for each in value]
    return word if isinstance(value, str) else value


def odd(token: str) -> Iterator[Sent]:
    """Yield what no document names."""
    for word in WORDS:
        yield Sent("GET", f"/nowhere/{quote(word)}", query=urlencode({word: word}))
        yield Sent("PUT", f"/hooks/{token}/{quote(word)}", word.encode())
        yield Sent("PATCH", f"//hooks//{token}//{quote(word)}", word.encode())
        yield Sent(f"BREW{NUMBER}", f"/hooks/{quote(word)}", word.encode())
        yield Sent("DELETE", f"/api/v1/sends/{quote(word)}", word.encode())


def written(watched: Watched) -> list[str]:
    text = watched.log.read_text()
    return [word for word in watched.private if word in text]


def test_no_line_has_what_callers_send(watched: Watched) -> None:
    requests = [
        *everywhere(watched.token, [NUMBER, TEXT, ADDRESS, watched.key, watched.token]),
        *odd(watched.token),
    ]
    statuses = watched.send(requests, [NUMBER, PLUS, ADDRESS, TEXT, SPOKEN, watched.token])

    assert statuses.keys() >= {200, 400, 404}
    assert 500 not in statuses
    assert written(watched) == []


def test_no_line_has_what_made_a_handler_raise(watched: Watched) -> None:
    with connect(watched.url) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} RENAME TO gone_{table}")

    statuses = watched.send(everywhere(watched.token, [NUMBER, TEXT]), [NUMBER, TEXT])

    assert statuses.keys() >= {500, 503}
    assert len({line["endpoint"] for line in watched.lines("unhandled")}) > 5
    assert written(watched) == []


def test_every_line_of_a_request_has_its_route_and_an_id(
    watched: Watched, service: Service
) -> None:
    routes = {rule.rule for rule in service.app.url_map.iter_rules()} | {None}

    lines = watched.lines("request")

    assert {line["route"] for line in lines} <= routes
    assert len({line["request_id"] for line in lines}) == len(lines) == watched.sent
    assert {line["request_id"] for line in watched.lines("unhandled")} <= {
        line["request_id"] for line in lines
    }
