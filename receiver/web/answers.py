"""What a hook answers: a few bytes of JSON, and not one header more than it takes."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LINES: Final = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}
_JSON: Final = ("Content-Type", "application/json")


class Answer:
    """An answer as WSGI knows it: an application that says this and nothing else."""

    __slots__ = ("_body", "_closes", "_status")

    def __init__(
        self, body: bytes, status: HTTPStatus = HTTPStatus.OK, *, closes: bool = False
    ) -> None:
        self._body = body
        self._status = status
        self._closes = closes

    def __call__(self, _: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Say it, and close the line behind it where the answer says so."""
        headers = [_JSON, ("Content-Length", str(len(self._body)))]
        if self._closes:
            headers.append(("Connection", "close"))
        start_response(_LINES[self._status], headers)
        return (self._body,)
