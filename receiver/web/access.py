"""What was asked and what was answered: one log line a request, and the metrics of the hooks.

Routes stand for paths, and what a caller wrote stands nowhere: paths hold tokens and numbers.
"""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, cast

from receiver import metrics
from receiver.log import begin_request, teller
from receiver.store.points import Point
from receiver.web.request_ids import HEADER, request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NOTED: Final = "receiver.noted"
_DOMAIN: Final = "receiver.domain"
_REASON: Final = "receiver.reason"
_ROUTE: Final = "receiver.route"
_SEVERAL: Final = "several"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOOKUP"})
_ASKING: Final = frozenset({"GET", "HEAD"})
_QUARANTINED_STATUS: Final = 400  # taken, though not understood
#: Of answers that follow from no error, because what came is kept.
_REASONS: Final = {401: "bad_signature", 403: "bad_address", 413: "too_large"}
_HUMPS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def note_route(environ: "WSGIEnvironment", route: str) -> None:
    """Remember the route of a request that Flask has no part in."""
    environ[_ROUTE] = route


def note_point(environ: "WSGIEnvironment", point: Point) -> None:
    """Remember at which point a request came in."""
    environ[_DOMAIN], environ[_NOTED] = point.domain, {"point": point.code}


def note_taken(environ: "WSGIEnvironment", kind: str, result: str, way: str) -> None:
    """Count a notification that is durable, by the `direct` way or the `spool`. See note_point."""
    noted = environ[_NOTED]
    metrics.notified(environ[_DOMAIN], noted["point"], kind, result)
    if "kind" not in noted:
        noted["kind"], noted["result"], noted["way"] = kind, result, way
        return
    noted["notifications"] = noted.get("notifications", 1) + 1
    for name, value in (("kind", kind), ("result", result), ("way", way)):
        if noted[name] != value:
            noted[name] = _SEVERAL


def note_refusal(environ: "WSGIEnvironment", error: str) -> None:
    """Remember why a request is refused: the name of the error's class, kept as `store_away`."""
    environ[_REASON] = _HUMPS.sub("_", error.removesuffix("Error")).lower()


class AccessLines:
    """Writes a line when a request is answered."""

    def __init__(self, application: "WSGIApplication", *, is_token: Callable[[str], bool]) -> None:
        self._application = application
        self._is_token = is_token

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on, and listen to what is answered."""
        began = perf_counter()
        id_ = request_id(environ, self._is_token)
        begin_request(id_)
        status, route = 500, None  # what gunicorn answers where nothing was

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal status, route
            status, route = int(line[:3]), _route(environ)  # Flask forgets the request after this
            return start_response(line, [*headers, (HEADER, id_)], *more)

        try:
            return self._application(environ, start)
        finally:
            self._tell(environ, status, route, perf_counter() - began)
            begin_request("")

    @cached_property
    def _say(self) -> Callable[[dict[str, Any]], None]:
        return teller()  # made at the first request, when logging is configured

    def _tell(
        self, environ: "WSGIEnvironment", status: int, route: str | None, seconds: float
    ) -> None:
        method = environ["REQUEST_METHOD"]
        noted, reason = environ.get(_NOTED, {}), environ.get(_REASON)
        length = environ.get("CONTENT_LENGTH", "")
        if route is not None and route.startswith("/hooks/") and method not in _ASKING:
            metrics.answered(seconds)
            if status > _QUARANTINED_STATUS:
                why = reason or _REASONS.get(status, "other")
                at = environ.get(_DOMAIN, ""), noted.get("point", "")
                metrics.refused(*at, why, status)
        line = {
            "method": method if method in _METHODS else "other",
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "bytes": int(length) if length.isdecimal() else 0,
            **noted,
        }
        if reason:
            line["reason"] = reason
        line["event"] = "request"
        self._say(line)


def _route(environ: "WSGIEnvironment") -> str | None:
    """Return the route with the names of its variables, or None where there is none."""
    if _ROUTE in environ:
        return cast("str", environ[_ROUTE])
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return rule.rule if rule else None
