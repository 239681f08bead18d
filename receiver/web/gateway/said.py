"""Answers as the caller of the gateway gets them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Response
from msgspec import Struct

from receiver.domain.errors import PayloadError, TooLargeError
from receiver.platform.bodies import Text, parse
from receiver.platform.lines import Answer
from receiver.web.body import decoded

JSON: Final = ("Content-Type", "application/json")
#: Headers of the platform's that are passed on; those of its limits and of its own too.
_PASSED: Final = frozenset(
    {"content-type", "content-encoding", "content-language", "retry-after", "cache-control"}
)
_PASSED_PREFIXES: Final = ("x-", "ratelimit")
_SUCCESS: Final = range(200, 300)


class Said(Struct, frozen=True, kw_only=True):
    """An answer: the platform's as it came, or ours."""

    http: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    beside: Mapping[str, str] = {}
    """Headers that are ours in any case."""

    def response(self) -> Response:
        """Return it as Flask sends it."""
        response = Response(self.body, self.http)
        response.headers.clear()
        for name, value in [*self.headers, *self.beside.items()]:
            response.headers.add(name, value)
        response.headers["Content-Length"] = str(len(self.body))
        return response


def passed(answer: Answer) -> Said:
    """Return an answer of the platform's as it came, with the headers that matter."""
    headers = [
        (name, value)
        for name, value in answer.headers
        if name.lower() in _PASSED or name.lower().startswith(_PASSED_PREFIXES)
    ]
    return Said(http=answer.http, headers=headers, body=answer.body)


def read(answer: Answer, *, most_bytes: int) -> tuple[bytes, Any]:
    """Return what the platform answered, unzipped, and as a JSON value; None for an empty refusal.

    Raises: PayloadError for what is none of its answers: a page, a redirect, nothing at all.
    """
    is_refusal = HTTPStatus.BAD_REQUEST <= answer.http < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_refusal and not answer.body:
        return b"", None
    if answer.http not in _SUCCESS and answer.http < HTTPStatus.BAD_REQUEST:
        raise PayloadError("not_json", "a redirect")
    try:
        plain = decoded(answer.body, answer.header("Content-Encoding"), cap_bytes=most_bytes)
    except TooLargeError as error:
        raise PayloadError("not_json", "too large") from error
    return plain, parse(Text.of(plain).characters)
