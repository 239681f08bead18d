"""Errors as answers. This table alone knows which status an error is.

Hooks answer the platform, which ends a notification's life at a 4xx: whatever is ours is 503
there. The API answers people, in RFC 9457 problem details; integration points answer in two
fields; the gateway in the platform's envelope. Source: CONTRACT.md 5 to 8.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from receiver.domain.errors import (
    BadInputError,
    BusyError,
    ConflictError,
    ElsewhereError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    PayloadError,
    ReceiverError,
    SealedError,
    SetupError,
    SlowBodyError,
    SlowQueryError,
    SpoolError,
    StoreAwayError,
    TooLargeError,
    UnauthorisedError,
)
from receiver.domain.facts import new_id
from receiver.platform.apis import ROOT, Code, api_of, failure, internal
from receiver.web.access import note_refusal

RETRY_AFTER_SECONDS: Final = 5
#: On the platform's own paths, where what is refused is answered 200.
PLATFORM_CODES: Final[Mapping[int, Code]] = {
    HTTPStatus.BAD_REQUEST: Code.INVALID_VALUE,
    HTTPStatus.UNAUTHORIZED: Code.AUTHENTICATION,
    HTTPStatus.FORBIDDEN: Code.AUTHENTICATION,
    HTTPStatus.NOT_FOUND: Code.INVALID_VALUE,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.INVALID_VALUE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
}
_TAKEN_BY_PLATFORM: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
#: Paths that answer as the neighbours of integration points do: their codes are statuses, and more.
REST: Final = "/rest/"
REST_CODE: Final = 1000
JSON_UTF8: Final = "application/json; charset=utf-8"
STATUSES: Final[Mapping[type[ReceiverError], HTTPStatus]] = {
    ReceiverError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadInputError: HTTPStatus.BAD_REQUEST,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SlowBodyError: HTTPStatus.SERVICE_UNAVAILABLE,  # 408 would end a notification's life
    PayloadError: HTTPStatus.BAD_REQUEST,
    UnauthorisedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    GoneError: HTTPStatus.GONE,
    ConflictError: HTTPStatus.CONFLICT,
    StoreAwayError: HTTPStatus.SERVICE_UNAVAILABLE,
    SlowQueryError: HTTPStatus.SERVICE_UNAVAILABLE,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    ElsewhereError: HTTPStatus.SERVICE_UNAVAILABLE,  # a 404 would end a notification's life
    SpoolError: HTTPStatus.SERVICE_UNAVAILABLE,
    SealedError: HTTPStatus.INTERNAL_SERVER_ERROR,
    SetupError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
#: What comes beside an answer, by the class of the error.
_HEADERS: Final[Mapping[type[ReceiverError], Mapping[str, str]]] = {
    UnauthorisedError: {"WWW-Authenticate": 'Bearer realm="receiver"'},
    SlowBodyError: {"Connection": "close"},  # what is still to come of the body is none of ours
    TooLargeError: {"Connection": "close"},
}
_OURS: Final = "something went wrong on our side"
#: The reason can name servers and users, which is for the log alone.
_AWAY: Final = "the store is away or late: come again"

log = structlog.get_logger()


def register(app: Flask) -> None:
    """Let every error of `app` end here."""
    app.register_error_handler(ReceiverError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(Exception, _fail)


def problem(
    status: int, detail: str, *, errors: Mapping[str, Sequence[str]] | None = None
) -> Response:
    """Return an RFC 9457 problem; `errors` maps the path of a field to its faults."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _envelope(
    status: int, detail: str, *, errors: Mapping[str, Sequence[str]] | None = None
) -> Response:
    """Return an error as whoever called understands it."""
    if _on_hook():
        response = jsonify({"error": detail})
        response.status_code = status
    elif request.path.startswith(ROOT):
        response = _as_platform(status, detail)
    elif request.path.startswith(REST):
        response = jsonify({"error_code": REST_CODE + status, "error_message": detail})
        response.status_code = status
        response.content_type = JSON_UTF8
    else:
        response = problem(status, detail, errors=errors)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _as_platform(status: int, detail: str) -> Response:
    api = api_of(request.path)
    code = PLATFORM_CODES.get(status, internal(api))
    http = HTTPStatus.OK if status in _TAKEN_BY_PLATFORM else status
    body = failure(api, code, str(new_id()), detail)
    return Response(body, http, content_type="application/json")


def _on_hook() -> bool:
    return request.path.startswith("/hooks")


def _refuse(error: ReceiverError) -> ResponseReturnValue:
    status = STATUSES[type(error)]
    note_refusal(request.environ, type(error).__name__)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if _on_hook():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        log.warning("unavailable", error=type(error).__name__, reason=str(error))
    detail = _AWAY if type(error) in (StoreAwayError, SpoolError) else str(error)
    if isinstance(error, BadInputError) and request.path.startswith(REST):
        detail = error.sentence
    response = _envelope(status, detail, errors=getattr(error, "fields", None))
    if response.status_code == status:
        response.headers.update(_HEADERS.get(type(error), {}))
    return response


def _refuse_http(error: HTTPException) -> ResponseReturnValue:
    """Answer what werkzeug found; its own headers say text/html, so not that one."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    note_refusal(request.environ, type(error).__name__)
    if _on_hook() and status != HTTPStatus.NOT_FOUND:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = error.name if request.path.startswith(ROOT) else error.description or error.name
    response = _envelope(status, detail)
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def _fail(error: Exception) -> ResponseReturnValue:
    note_refusal(request.environ, "unhandled")
    log.error("unhandled", error=type(error).__name__, endpoint=request.endpoint, exc_info=error)
    if _on_hook():
        return _envelope(HTTPStatus.SERVICE_UNAVAILABLE, _OURS)
    return _envelope(HTTPStatus.INTERNAL_SERVER_ERROR, _OURS)
