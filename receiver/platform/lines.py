"""Lines to the platform: one request and its answer, over a socket of our own, in bounded time.

Over plain `http.client`, since a line that is ours can be cut: no timeout of a library's ends an
answer that goes on for ever, byte by byte. Nothing is followed, unpacked or sent through a proxy,
and no line is used twice: one that the other side closed at that moment would leave in doubt
whether it took what was sent.
"""

import contextlib
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from receiver.domain.errors import ReceiverError

CONNECT_SECONDS: Final = 3.0
#: How long the addresses of a name are used without asking again.
KNOWN_SECONDS: Final = 15.0
#: Names that are looked up at once: each look-up takes a thread that nothing can take back.
MOST_LOOKUPS: Final = 3
_MOST_KNOWN: Final = 1000
#: IPv6 addresses that stand for an IPv4 address, whose own kind counts.
_NAT64: Final = ip_network("64:ff9b::/96")

_KINDS: Final[Mapping[str, type[http.client.HTTPConnection]]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}

#: Family and socket address, as `socket` has them.
_Place = tuple[socket.AddressFamily, Any]


class CallError(ReceiverError):
    """The platform can't be reached, or did not answer whole, in time and of a bearable size."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


class Call(Struct, frozen=True, kw_only=True):
    """What is to be asked. `url` is whole, its path and query quoted."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Answer(Struct, frozen=True):
    """What came back, whatever its status."""

    http: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header of this name, empty where there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


def ask(call: Call, *, total_seconds: float, most_bytes: int, private: bool = True) -> Answer:
    """Return what is answered. Only where `private` says so an address may be a private one.

    Raises: CallError, which names no more than the kind of the trouble.
    """
    until = monotonic() + total_seconds
    address, line = _line(call.url)
    deadline = None
    try:
        raw = _connected(line, until, private=private)
        with raw, _Deadline(raw, until) as deadline:
            raw.settimeout(max(0.001, until - monotonic()))
            line.sock = _spoken_over(raw, line)
            target = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
            line.request(call.method, target, call.body, {**call.headers, "Connection": "close"})
            heard = line.getresponse()
            body = heard.read(most_bytes + 1)
        if len(body) > most_bytes:
            raise CallError(f"the answer is larger than {most_bytes} bytes")
        if deadline.is_over or heard.length:
            raise CallError("the answer did not come whole", is_late=deadline.is_over)
        return Answer(heard.status, heard.getheaders(), body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = isinstance(error, TimeoutError) or (deadline is not None and deadline.is_over)
        raise CallError(f"no answer: {type(error).__name__}", is_late=late) from error
    finally:
        line.close()


def is_private(text: str) -> bool:
    """Tell whether an address is none of the public internet's: of this machine, a net of ours."""
    address = ip_address(text.partition("%")[0])
    inner = _inner(address)
    return (
        address.is_multicast or not address.is_global or (inner is not None and is_private(inner))
    )


def _inner(address: IPv4Address | IPv6Address) -> str | None:
    """Return the IPv4 address that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return str(IPv4Address(int(address) & 0xFFFFFFFF))
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
    return str(inner) if inner else None


def _line(url: str) -> tuple[SplitResult, http.client.HTTPConnection]:
    """Return an address taken apart, and a line to it that is not connected."""
    try:
        address = urlsplit(url)
        kind = _KINDS[address.scheme]
        return address, kind(address.hostname or "", address.port)
    except (KeyError, ValueError, http.client.InvalidURL) as error:
        raise CallError("its address is none") from error


def _connected(line: http.client.HTTPConnection, until: float, *, private: bool) -> socket.socket:
    """Return a socket to the first place of a name that takes us, and that we may call."""
    until = min(until, monotonic() + CONNECT_SECONDS)
    places = _places(line.host, line.port, until)
    allowed = [place for place in places if private or not is_private(place[1][0])]
    if not allowed:
        raise CallError("its address is a private one")
    fault: OSError = TimeoutError()
    for family, place in allowed:
        left = until - monotonic()
        if left <= 0:
            break
        raw = socket.socket(family, socket.SOCK_STREAM)
        try:
            raw.settimeout(left)
            raw.connect(place)
        except OSError as error:
            raw.close()
            fault = error
        else:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return raw
    raise fault


class _Names:
    """Addresses of names, asked for in threads of their own, few at once, and known for a while.

    What is checked is what is called: a name that is answered otherwise a moment later leads
    nowhere else.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, Sequence[_Place]]] = {}
        self._room = threading.Semaphore(MOST_LOOKUPS)

    def places(self, host: str, port: int, until: float) -> Sequence[_Place]:
        """Return the places of a name. Raises: OSError."""
        good_until, places = self._known.get((host, port), (0.0, ()))
        if monotonic() >= good_until:
            places = self._asked(host, port, until)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[host, port] = monotonic() + KNOWN_SECONDS, places
        return places

    def _asked(self, host: str, port: int, until: float) -> Sequence[_Place]:
        if not self._room.acquire(timeout=max(0.0, until - monotonic())):
            raise TimeoutError
        found: list[Sequence[_Place] | OSError] = []
        thread = threading.Thread(target=self._look, args=(host, port, found), daemon=True)
        thread.start()
        thread.join(max(0.0, until - monotonic()))
        if not found:
            raise TimeoutError
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]

    def _look(self, host: str, port: int, found: list[Sequence[_Place] | OSError]) -> None:
        try:
            found.append(_looked_up(host, port))
        except OSError as error:
            found.append(error)
        except UnicodeError:  # a label of no or of too many characters
            found.append(OSError("no name"))
        finally:
            self._room.release()


_NAMES: Final = _Names()


def _places(host: str, port: int, until: float) -> Sequence[_Place]:
    try:
        ip_address(host)
    except ValueError:
        return _NAMES.places(host, port, until)
    return _looked_up(host, port)


def _looked_up(host: str, port: int) -> Sequence[_Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, place) for family, _, _, _, place in found]


def _spoken_over(raw: socket.socket, line: http.client.HTTPConnection) -> socket.socket:
    if isinstance(line, http.client.HTTPSConnection):
        context = _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return context.wrap_socket(raw, server_hostname=line.host)
    return raw


@lru_cache(maxsize=4)
def _trusting(*_: str | None) -> ssl.SSLContext:
    """Return what verifies certificates by those that these name; to read them takes a while."""
    return ssl.create_default_context()


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
