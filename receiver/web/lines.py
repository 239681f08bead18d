"""What happens between gunicorn and Flask: slashes in paths, and lines that must be closed."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

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


class ClosedLines:
    """Closes the line after an answer that says so.

    gunicorn drops an application's Connection header, but its response can be told to close.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on, and listen to what is answered."""
        close = getattr(getattr(start_response, "__self__", None), "force_close", None)
        if close is None:
            return self._application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if ("Connection", "close") in headers:
                close()
            return start_response(status, headers, *more)

        return self._application(environ, start)
