"""How fresh an answer of the API is, and how callers ask again cheaply."""

import hashlib
from http import HTTPStatus
from typing import Final

from flask import Response, request

from receiver.web.rooms import rooms

LEDGER: Final = "Receiver-Ledger"
_ETAG_CHARACTERS: Final = 32


def finish(response: Response) -> Response:
    """Mark a read with the digest of its bytes: 304 as long as they would be the same."""
    if request.method in ("GET", "HEAD"):
        response.headers["Cache-Control"] = "private, no-cache"
        if response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            _tell(response)
        if response.status_code == HTTPStatus.OK:
            if response.is_streamed:
                return response
            response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:_ETAG_CHARACTERS])
            response.make_conditional(request)
            response.headers.pop("Date", None)  # werkzeug's; the server adds its own
    return response


def finish_posted(response: Response) -> Response:
    """Mark a read whose question is in its body: nobody asks for it again by a URL."""
    response.headers["Cache-Control"] = "private, no-store"
    if response.status_code == HTTPStatus.OK:
        _tell(response)
    return response


def _tell(response: Response) -> None:
    """Say what is accepted and not in the ledger yet: what this host's spool holds."""
    spool = rooms().readiness.spool.look()
    complete = "true" if spool.is_empty else "false"
    response.headers[LEDGER] = (
        f"complete={complete}; spooled={spool.depth.facts}; oldest={spool.oldest_seconds}"
    )
