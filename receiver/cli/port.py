"""Whether our port is free."""

import errno
import socket
import time
from typing import Final

from receiver.domain.errors import SetupError
from receiver.settings import Settings

#: A service that was killed takes this long to let go of its port.
PATIENCE_SECONDS: Final = 1.5


def require_free(settings: Settings) -> None:
    """Make sure that nobody listens where we are to.

    gunicorn wouldn't notice: with SO_REUSEPORT a second server gets half of the connections.

    Raises:
        SetupError: the port is taken, or can't be had.

    """
    until = time.monotonic() + PATIENCE_SECONDS
    while (error := _probe(settings.host, settings.port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() > until:
            raise SetupError(_sentence(settings, error))
        time.sleep(0.1)


def _probe(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _sentence(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken: stop what listens there, or choose another port with PORT"
    if error.errno == errno.EACCES:
        return f"{where} needs root: choose a PORT above 1023"
    return f"can't listen on {where} ({error.strerror}): correct RECEIVER_HOST"
