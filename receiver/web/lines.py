"""What happens between gunicorn and Flask: slashes in paths, and how answers leave."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from gunicorn.http.wsgi import Response

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
    """Lets an answer leave in one piece, and closes the line behind it where it says so.

    gunicorn drops an application's Connection header, but its response can be told to close.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on, and listen to what is answered."""
        response: Any = getattr(start_response, "__self__", None)
        if type(response) is not Response:
            return self._application(environ, start_response)
        response.__class__ = _WholeResponse

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if ("Connection", "close") in headers:
                response.force_close()
            return start_response(status, headers, *more)

        return self._application(environ, start)


class _WholeResponse(Response):  # type: ignore[misc]
    """Sends head and body at once: apart they are two packets, and cost the kernel twice."""

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
