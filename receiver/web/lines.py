"""What happens between gunicorn and Flask: slashes in paths, and how answers leave."""

import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http.wsgi import Response
from gunicorn.util import http_date

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASHES: Final = re.compile(r"/{2,}")


class CollapsedSlashes:
    """Reads `//hooks//<token>` as `/hooks/<token>`: a redirect would end the notification."""

    def __init__(self, application: "WSGIApplication", *, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on."""
        path = environ.get("PATH_INFO", "")
        if "//" in path:
            collapsed = _SLASHES.sub("/", path)
            if collapsed.startswith(self._prefix):
                environ["PATH_INFO"] = collapsed
        return self._application(environ, start_response)


class Lines:
    """Has gunicorn answer by a response of ours."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on."""
        response: Any = getattr(start_response, "__self__", None)
        if type(response) is Response:
            response.__class__ = _Response
        return self._application(environ, start_response)


class _Response(Response):  # type: ignore[misc]
    """Closes the line where the answer says so, which gunicorn's own does not hear.

    It sends head and body at once: apart they are two packets, and cost the kernel twice.
    """

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take in the application's headers."""
        if ("Connection", "close") in headers:
            self.force_close()
        super().process_headers(headers)

    def default_headers(self) -> list[str]:
        """Return the lines that every head begins with; gunicorn's own writes each date anew."""
        return [
            "HTTP/{}.{} {}\r\n".format(*self.req.version, self.status),
            f"Server: {self.version}\r\n",
            _date(int(time.time())),
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
            *(["Transfer-Encoding: chunked\r\n"] if self.chunked else []),
        ]

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, the first one together with the head."""
        line, gathered = self.sock, _Gathered()
        self.sock: Any = gathered
        try:
            super().write(arg)
        finally:
            self.sock = line
        line.sendall(b"".join(gathered))


class _Gathered(list[bytes]):
    """Takes what is meant for a socket."""

    sendall = list.append


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return f"Date: {http_date(second)}\r\n"
