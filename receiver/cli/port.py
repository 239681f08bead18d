"""Our port: that it is free, and that it stays ours."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from receiver.domain.errors import SetupError
from receiver.settings import Settings

#: A service that was killed takes this long to let go of its port.
PATIENCE_SECONDS: Final = 1.5
MOST_TRIED: Final = 50
MOST_PORT: Final = 65_535

Place = tuple[socket.AddressFamily, socket.SocketKind, int, Any]


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Keep the port to ourselves, also while no worker listens yet, or any more.

    A second server wouldn't notice: with SO_REUSEPORT it gets half of the connections.

    Raises:
        SetupError: the port is taken, or can't be had.

    """
    _require_free(settings)
    family, kind, protocol, address = _place(settings)
    with socket.socket(family, kind, protocol) as holder:
        # Without SO_REUSEADDR, which would let others have it too: it only binds and never listens.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with suppress(OSError):  # lines that another program left, ending, keep it for a minute
            holder.bind(address)
        yield


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


def _require_free(settings: Settings) -> None:
    """Make sure that nobody has the place where we are to listen. Raises SetupError."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (error := _probe(settings)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > until:
            raise SetupError(_sentence(settings, error))
        time.sleep(0.1)


def _probe(settings: Settings) -> OSError | None:
    try:
        family, kind, protocol, address = _place(settings)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _place(settings: Settings) -> Place:
    """Return where to listen. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return family, kind, protocol, address


def _sentence(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken: stop what listens there, or choose another port with PORT"
    if error.errno == errno.EACCES:
        return f"{where} needs root: choose a PORT above 1023"
    return f"can't listen on {where} ({error.strerror}): correct RECEIVER_HOST"
