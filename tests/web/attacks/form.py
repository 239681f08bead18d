"""How attacks are written down: templates of requests, and the answers that may come.

`<open>` and the like stand for what `tests.web.attacks.fortress` has names for, and `<length>` for
how long the body is. Requests go out as Latin-1, so any byte can be written.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.web.service import message, receipt

NUMBER: Final = "447700900666"
TEXT: Final = "words-that-nobody-else-may-read"
API: Final = "/api/v1"
POINTS: Final = "/rest/v1/service/integration_points"
TOKENS: Final = "/rest/v1/service/integration_tokens"

RECEIPT: Final = json.dumps(receipt("<transid>", "Failed", destination=NUMBER, code="7107"))
MESSAGE: Final = json.dumps(message(text=TEXT, oa=NUMBER))
SEND: Final = json.dumps({"transid": "<transid>", "destinations": [NUMBER], "text": TEXT})
ENTITY: Final = json.dumps({"code": "stolen", "type": "public"})
#: What the victim's domain holds, and none of the others says.
VICTIM_NUMBER: Final = "447700900123"
VICTIM_TEXT: Final = "words-of-the-victim"
#: The line is closed without an answer.
HUNG_UP: Final = 0


class Attack(NamedTuple):
    """A request, and the statuses of which its answer has one."""

    sent: str
    expected: tuple[int, ...]


def call(line: str, *headers: str, body: str = "") -> str:
    """Return a request whose length is told as it is."""
    return framed(line, *headers, "Content-Length: <length>", body=body)


def framed(line: str, *headers: str, body: str = "") -> str:
    """Return a request that is framed by nothing but what is given."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", body])


def hook(name: str, *headers: str, body: str = RECEIPT, path: str = "") -> str:
    """Return a receipt that names the victim's send, to the hook of a name."""
    return call(f"POST /hooks/<{name}>{path}", *headers, body=body)


def api(line: str, key: str, *headers: str, body: str = "") -> str:
    """Return a call with the key of a name; `line` is `GET /sends`, or has a whole path."""
    method, _, path = line.partition(" ")
    whole = path if path.startswith(("/rest", "/metrics")) else f"{API}{path}"
    return call(f"{method} {whole}", f"Authorization: Bearer <{key}>", *headers, body=body)


def rows(expected: int | tuple[int, ...], requests: Mapping[str, str]) -> dict[str, Attack]:
    """Return requests, by what they are called, that all get the same answer."""
    statuses = expected if isinstance(expected, tuple) else (expected,)
    return {name: Attack(sent, statuses) for name, sent in requests.items()}
