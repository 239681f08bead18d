"""Our ports: that they are free, and that they stay ours."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, NamedTuple

from receiver.domain.errors import SetupError
from receiver.settings import MOST_PORT, Place, Settings

#: A service that was killed takes this long to let go of its port.
PATIENCE_SECONDS: Final = 1.5
MOST_TRIED: Final = 50

Address = tuple[socket.AddressFamily, socket.SocketKind, int, Any]


class Listener(NamedTuple):
    """Where we are to listen, and which settings say so."""

    place: Place
    host_setting: str
    port_setting: str

    def address(self) -> Address:
        """Return it as sockets take it. Raises OSError."""
        family, kind, protocol, _, address = socket.getaddrinfo(
            *self.place, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return family, kind, protocol, address


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Keep the ports of `receiver serve` to ourselves, also while no worker listens on them.

    A second server wouldn't notice: with SO_REUSEPORT it gets half of the connections.

    Raises:
        SetupError: one is taken, or can't be had.

    """
    with ExitStack() as holders:
        for listener in _listeners(settings):
            _require_free(listener)
            holders.enter_context(_holder(*listener.address()))
        yield


def _listeners(settings: Settings) -> Iterator[Listener]:
    yield Listener(Place(settings.host, settings.port), "RECEIVER_HOST", "PORT")
    if settings.operations:
        yield Listener(settings.operations, "RECEIVER_OPERATIONS", "RECEIVER_OPERATIONS")


def _holder(
    family: socket.AddressFamily, kind: socket.SocketKind, protocol: int, address: Any
) -> socket.socket:
    holder = socket.socket(family, kind, protocol)
    # Without SO_REUSEADDR, which would let others have it too: it only binds and never listens.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with suppress(OSError):  # lines that another program left, ending, keep it for a minute
        holder.bind(address)
    return holder


def beside(settings: Settings) -> int:
    """Return the sandbox's port: the one of the settings, else the first free one after ours."""
    if settings.sandbox_port:
        return settings.sandbox_port
    for number in range(settings.port + 1, min(settings.port + MOST_TRIED, MOST_PORT) + 1):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.sandbox_host, number))
            return number
    raise SetupError(f"no port after {settings.port} is free: set RECEIVER_SANDBOX_PORT")


def _require_free(listener: Listener) -> None:
    """Make sure that nobody has the place where we are to listen. Raises SetupError."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (error := _probe(listener)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > until:
            raise SetupError(sentence(listener, error))
        time.sleep(0.1)


def _probe(listener: Listener) -> OSError | None:
    try:
        family, kind, protocol, address = listener.address()
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def sentence(listener: Listener, error: OSError) -> str:
    """Return why nobody can listen there, and what to do about it."""
    where, host, port = listener
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken: stop what listens there, or choose another port with {port}"
    if error.errno == errno.EACCES:
        return f"{where} needs root: choose a port above 1023 with {port}"
    return f"can't listen on {where} ({error.strerror}): correct {host}"
