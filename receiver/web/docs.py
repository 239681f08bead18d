"""`/api/docs`: the OpenAPI document as a page for people, of three files of our own.

It loads nothing from elsewhere, and its policy lets the browser load and run nothing but its files.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from flask import Blueprint, Response, request

from receiver.domain.errors import NotFoundError
from receiver.web.auth import public

_PAGE: Final = "index.html"
_TYPES: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Of the page, which names the others with their digests.
_CHECKED: Final = "public, no-cache"
#: Of what has its digest in its name.
_KEPT: Final = "public, max-age=31536000, immutable"
_DIGEST_CHARACTERS: Final = 12

docs = Blueprint("docs", __name__, url_prefix="/api/docs")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content: bytes
    content_type: str

    @property
    def digest(self) -> str:
        """What changes with the content, and with nothing else."""
        return hashlib.sha256(self.content).hexdigest()[:_DIGEST_CHARACTERS]

    def answer(self, *, caching: str) -> Response:
        """Return it as a response; 304 where the caller has it."""
        response = Response(self.content, content_type=self.content_type)
        response.headers.update({**_HEADERS, "Cache-Control": caching})
        response.set_etag(self.digest)
        response.make_conditional(request)
        return response


@docs.get("")
@public
def index() -> Response:
    """Return the page."""
    return PAGE.answer(caching=_CHECKED)


@docs.get("/<name>")
@public
def show(name: str) -> Response:
    """Return a file of the page. Its name changes with its content, so it can be kept for ever."""
    if name not in ASSETS:
        raise NotFoundError("no such file")
    return ASSETS[name].answer(caching=_KEPT)


def _read() -> tuple[Asset, Mapping[str, Asset]]:
    """Return the page, and its files by names with digests, which the page calls them by."""
    found = {
        file.name: Asset(file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
        for file in files("receiver.web").joinpath("static/docs").iterdir()
    }
    page, assets = found.pop(_PAGE), {}
    content = page.content
    for name, asset in found.items():
        stem, _, ending = name.rpartition(".")
        named = f"{stem}-{asset.digest}.{ending}"
        assets[named] = asset
        content = content.replace(f"/docs/{name}".encode(), f"/docs/{named}".encode())
    return Asset(content, page.content_type), assets


PAGE, ASSETS = _read()
