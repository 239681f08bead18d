"""How fresh an answer of the API is, and how callers ask again cheaply."""

import hashlib
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Final, ParamSpec

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from receiver.web.auth import current_key
from receiver.web.polling import Question
from receiver.web.readiness import Readiness
from receiver.web.rooms import rooms

P = ParamSpec("P")

LEDGER: Final = "Receiver-Ledger"
CACHE: Final = ("Cache-Control", "private, no-cache")
_ETAG_CHARACTERS: Final = 32
_TOLD: Final = (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED, HTTPStatus.NOT_FOUND)
#: What is read so is always read: it waits for what is not there yet, or is written down.
_ALWAYS_READ: Final = frozenset({"wait", "raw"})


def polled(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Answer those who ask a view again 304 by what it found a moment ago. See `polling`."""

    @wraps(view)
    def asked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if "If-None-Match" not in request.headers or not _ALWAYS_READ.isdisjoint(request.args):
            return view(*args, **kwargs)
        rule = request.url_rule
        return rooms().polls.ask(
            Question.of(request.environ, current_key()),
            request.if_none_match,
            lambda: _marked(current_app.make_response(view(*args, **kwargs))),
            route=rule.rule if rule else "",
        )

    return asked


def finish(response: Response) -> Response:
    """Mark a read with the digest of its bytes: 304 as long as they would be the same."""
    if request.method in ("GET", "HEAD"):
        response.headers.set(*CACHE)
        if response.status_code in _TOLD:
            _tell(response)
        if response.status_code == HTTPStatus.OK and not response.is_streamed:
            _marked(response).make_conditional(request)
            response.headers.pop("Date", None)  # werkzeug's; the server adds its own
    return response


def _marked(response: Response) -> Response:
    """Give an answer that is whole the digest of its bytes as ETag, where it has none yet."""
    is_whole = response.status_code == HTTPStatus.OK and not response.is_streamed
    if is_whole and "ETag" not in response.headers:
        digest = hashlib.sha256(response.get_data()).hexdigest()
        response.set_etag(digest[:_ETAG_CHARACTERS])
    return response


def finish_posted(response: Response) -> Response:
    """Mark a read whose question is in its body: nobody asks for it again by a URL."""
    response.headers["Cache-Control"] = "private, no-store"
    if response.status_code == HTTPStatus.OK:
        _tell(response)
    return response


def ledger(readiness: Readiness) -> str:
    """Return what is accepted and not in the ledger yet: what this host's spool holds."""
    spool = readiness.spool.look()
    complete = "true" if spool.is_empty else "false"
    return f"complete={complete}; spooled={spool.depth.facts}; oldest={spool.oldest_seconds}"


def _tell(response: Response) -> None:
    response.headers[LEDGER] = ledger(rooms().readiness)
