"""Asking again for what was told a moment ago, answered before Flask has a part in it.

Whoever polls asks for little else, and building Flask's contexts costs several times what there is
to say. Whatever is not plain here goes the usual way, errors among it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask

from receiver.domain.errors import ReceiverError
from receiver.web.access import note_route
from receiver.web.freshness import CACHE, LEDGER, ledger
from receiver.web.polling import Question, Told
from receiver.web.rooms import Rooms, rooms_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ASKING: Final = ("GET", "HEAD")
_BEARER: Final = "Bearer "
_UNCHANGED: Final = "304 NOT MODIFIED"


class Repeats:
    """Says 304 where a caller with a good key holds an answer that still holds."""

    def __init__(self, application: "WSGIApplication", app: Flask) -> None:
        self._application = application
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer, or pass the request on."""
        if "HTTP_IF_NONE_MATCH" in environ and environ["REQUEST_METHOD"] in _ASKING:
            here = rooms_of(self._app)
            told = _told(here, environ)
            if told:
                note_route(environ, told.route)
                start_response(_UNCHANGED, [*told.headers, CACHE, (LEDGER, ledger(here.readiness))])
                return ()
        return self._application(environ, start_response)


def _told(here: Rooms, environ: "WSGIEnvironment") -> Told | None:
    given = environ.get("HTTP_AUTHORIZATION", "")
    if not given.startswith(_BEARER):
        return None
    try:
        key = here.keys.open(given.removeprefix(_BEARER).strip())
    except ReceiverError:
        return None
    return here.polls.find(Question.of(environ, key), environ["HTTP_IF_NONE_MATCH"])
