"""Calls to the platform: where it is, and how long we wait for what it says.

Over plain `http.client`, since a line that is ours can be cut: no timeout of a library's ends an
answer that goes on for ever, byte by byte. Nothing is followed, unpacked or sent through a proxy.

Source: CONTRACT.md 5 (transaction status).
"""

import contextlib
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Final, Self
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct

from receiver.domain.errors import BadInputError, ReceiverError

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 10.0
MOST_BYTES: Final = 1 << 20
_STATUS_PATH: Final = "/resources/v1/messaging/status/"
_LONGEST_URL: Final = 500
_LONGEST_KEY: Final = 4096


class CallError(ReceiverError):
    """The platform can't be reached, or did not answer whole, in time and of a bearable size."""


class Heard(Struct, frozen=True):
    """What came back."""

    http: int
    body: bytes
    retry_after_seconds: float | None


def checked_url(text: str) -> str:
    """Return the address of a platform without a slash at its end.

    Raises: BadInputError for what is no plain http or https address.
    """
    fault = "must be like https://api.example.com, without user, query or fragment"
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        good = False
    printable = text.isascii() and text.isprintable() and " " not in text
    if not (good and printable and len(text) <= _LONGEST_URL) or {"@", "?", "#"} & set(text):
        raise BadInputError(f"platform_url {fault}", fields={"platform_url": [fault]})
    return text.rstrip("/")


def checked_key(text: str) -> str:
    """Return a service key as a header can carry it. Raises BadInputError."""
    key = text.strip()
    if not (key and key.isascii() and key.isprintable() and len(key) <= _LONGEST_KEY):
        fault = "must be one line of plain characters"
        raise BadInputError(f"the platform's key {fault}", fields={"token_remote": [fault]})
    return key


def ask_status(
    platform_url: str, key: str, transid: str, *, total_seconds: float = TOTAL_SECONDS
) -> Heard:
    """Ask for the status of a transaction.

    Raises: CallError, which names neither key nor transid.
    """
    try:
        url = checked_url(platform_url) + _STATUS_PATH + quote(transid, safe="")
        headers = {"key": checked_key(key), "Accept": "application/json", "User-Agent": "receiver"}
    except BadInputError as error:
        raise CallError(str(error)) from error
    return _get(urlsplit(url), headers, total_seconds)


def _get(address: SplitResult, headers: Mapping[str, str], total_seconds: float) -> Heard:
    line = _line(address)
    until = monotonic() + total_seconds
    try:
        raw = socket.create_connection((line.host, line.port), CONNECT_SECONDS)
        with raw, _Deadline(raw, until) as deadline:
            line.sock = _spoken_over(raw, line)
            line.sock.settimeout(total_seconds)
            line.request("GET", address.path, headers=dict(headers))
            answer = line.getresponse()
            body = answer.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise CallError(f"the answer is larger than {MOST_BYTES} bytes")
        if deadline.is_over or answer.length:
            raise CallError("the answer did not come whole")
        return Heard(answer.status, body, _seconds(answer.getheader("Retry-After", "")))
    except (OSError, http.client.HTTPException) as error:
        raise CallError(f"no answer: {type(error).__name__}") from error
    finally:
        line.close()


def _line(address: SplitResult) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port)
    return http.client.HTTPSConnection(host, address.port)


def _spoken_over(raw: socket.socket, line: http.client.HTTPConnection) -> socket.socket:
    if isinstance(line, http.client.HTTPSConnection):
        return ssl.create_default_context().wrap_socket(raw, server_hostname=line.host)
    return raw


class _Deadline:
    """Cuts a line whose other side goes on for too long, however it does."""

    def __init__(self, raw: socket.socket, until: float) -> None:
        self._handle = socket.socket(fileno=os.dup(raw.fileno()))  # TLS takes the other one away
        self._timer = threading.Timer(max(0.0, until - monotonic()), self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self.is_over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._handle.close()

    def _cut(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self.is_over = True
            self._handle.shutdown(socket.SHUT_RDWR)


def _seconds(retry_after: str) -> float | None:
    given = retry_after.strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) <= 6 else None  # noqa: PLR2004
