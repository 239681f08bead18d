"""Flask, without what costs every request and serves none of ours."""

from flask import Flask, Request
from werkzeug.routing import MapAdapter


class Application(Flask):
    """Has one host, whatever name it is called by, and makes no URLs from requests."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match by path alone: taking Host apart costs as much as the matching does."""
        if request is None:
            return super().create_url_adapter(None)
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
