"""Calls to whoever is to be notified: each on a line of its own, cut after ten seconds.

Over gevent's sockets by name, so that nothing has to be patched. Nothing is followed. Public
addresses are called only where that is allowed: many an example names somebody's real address.

Source: CONTRACT.md 1 (timeout, no redirects).
"""

import http.client
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

import gevent
from gevent import socket as gsocket
from gevent import ssl as gssl
from msgspec import Struct

TOTAL_SECONDS: Final = 10.0
#: No more of an answer is read; its status is all that counts.
_READ_BYTES: Final = 65_536


class Heard(Struct, frozen=True):
    """What came of a call; status 0 where nothing came, and why."""

    status: int
    fault: str = ""
    is_final: bool = False
    """Whether calling again is of no use: there is nobody whom one could call."""


def is_callable(url: str) -> bool:
    """Tell whether a text is an address that notifications can go to."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and port_is_good and parts.scheme in {"http", "https"} and bool(parts.hostname)


def call(
    method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str], public: bool
) -> Heard:
    """Make one call; `public` allows addresses that everybody can reach."""
    address = urlsplit(url)
    try:
        with gevent.Timeout(TOTAL_SECONDS):
            place = _place(address)
            if not public and ipaddress.ip_address(place[0]).is_global:
                return Heard(0, "the address is a public one", is_final=True)
            return Heard(_called(method, address, place, body, headers))
    except gevent.Timeout:
        return Heard(0, "no answer in time")
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: no such name
        return Heard(0, f"no answer: {type(error).__name__}")


def _place(address: SplitResult) -> tuple[str, int]:
    """Return where to connect. Raises: OSError."""
    port = address.port or (443 if address.scheme == "https" else 80)
    found = gsocket.getaddrinfo(address.hostname, port, type=socket.SOCK_STREAM)
    return cast("tuple[str, int]", found[0][4][:2])


def _called(
    method: str,
    address: SplitResult,
    place: tuple[str, int],
    body: bytes,
    headers: Mapping[str, str],
) -> int:
    line = http.client.HTTPConnection(address.hostname or "", address.port)
    try:
        line.sock = _connected(address, place)
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        line.request(method, path, body or None, dict(headers))
        answer = line.getresponse()
        answer.read(_READ_BYTES)
        return answer.status
    finally:
        line.close()


def _connected(address: SplitResult, place: tuple[str, int]) -> Any:
    raw = gsocket.create_connection(place)
    if address.scheme == "http":
        return raw
    return gssl.create_default_context().wrap_socket(raw, server_hostname=address.hostname)
