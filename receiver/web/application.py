"""Flask, without what costs every request and serves none of ours."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from flask import Flask, Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

from receiver.web.access import note_route

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Paths whose views take the request's environment as an argument, and return a whole response.
PLAIN: Final = "/hooks/"
#: Whose rules are remembered; guesses at tokens fill it, and then it begins anew.
_MOST_PATHS: Final = 1_000


class Application(Flask):
    """Has one host, whatever name it is called by, and makes no URLs from requests.

    A view behind PLAIN runs without Flask's requests, contexts, sessions and signals: a third of
    what Flask does for a request, and none of it used there. Its errors end where all errors do.
    """

    @cached_property
    def _rules(self) -> dict[str, tuple[Rule, Mapping[str, str]]]:
        return {}

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        if not environ.get("PATH_INFO", "").startswith(PLAIN):
            return super().wsgi_app(environ, start_response)
        return self._plain(environ)(environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match by path alone: taking Host apart costs as much as the matching does."""
        return super().create_url_adapter(None) if request is None else self._adapter(request)

    def _matched(self, environ: "WSGIEnvironment") -> tuple[Rule, Mapping[str, str]]:
        """Return the rule of a plain path, of which few are called again and again.

        Raises: HTTPException where there is none.
        """
        path = environ["PATH_INFO"]
        found = self._rules.get(path)
        if found is None:
            found = self._adapter(self.request_class(environ)).match(return_rule=True)
            if len(self._rules) >= _MOST_PATHS:
                self._rules.clear()
            self._rules[path] = found
        return found

    def _adapter(self, request: Request) -> MapAdapter:
        return MapAdapter(
            self.url_map,
            server_name="localhost",
            script_name=request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode("latin-1"),
        )

    def _plain(self, environ: "WSGIEnvironment") -> "WSGIApplication":
        try:
            rule, arguments = self._matched(environ)
            note_route(environ, rule.rule)
            view = self.view_functions[rule.endpoint]
            return cast("WSGIApplication", view(self, environ, **arguments))
        except Exception as error:  # noqa: BLE001  as Flask does, to answer it
            return self._refused(environ, error)

    def _refused(self, environ: "WSGIEnvironment", error: Exception) -> Response:
        handle = (
            self.handle_http_exception
            if isinstance(error, HTTPException)
            else self.handle_user_exception
        )
        with self.request_context(environ):
            return self.make_response(handle(error))  # type: ignore[arg-type]
