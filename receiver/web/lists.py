"""Lists as they are answered: a page as JSON, or all that is sought as CSV."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask import Response, request
from marshmallow import Schema
from werkzeug.datastructures import MIMEAccept

from receiver.domain.errors import BadInputError
from receiver.web import exports
from receiver.web.exports import CSV, PAGE_ROWS
from receiver.web.queries import Page, Place
from receiver.web.rooms import rooms

#: Items, and the place of the last one where there are more.
Fetched = tuple[Sequence[dict[str, Any]], Place | None]
#: Takes a place, None for the first, and how many items at most. As CSV is written it is called
#: when its request is over, so it has to remember who asks.
Fetch = Callable[[Any, int], Fetched]

_TYPES: Final = ("application/json", CSV)
_ONLY_OF_PAGES: Final = "is for pages: as CSV all of a list comes at once"


def answer(page: Page, fetch: Fetch, *, item: type[Schema], place: Sequence[type]) -> Response:
    """Return a list in the form that is asked for. Places are made of the types `place`.

    Raises: BadInputError, and for CSV BusyError.
    """
    if _accepted().best_match(_TYPES) == CSV:
        return _export(page, fetch, item)
    items, after = fetch(page.place(*place), page.limit)
    response = page.answer(items, after)
    response.vary.add("Accept")
    return response


def _accepted() -> MIMEAccept:
    """Return what the caller accepts, whatever it says of its charset."""
    return MIMEAccept([(kind.partition(";")[0], q) for kind, q in request.accept_mimetypes])


def _export(page: Page, fetch: Fetch, item: type[Schema]) -> Response:
    paging = [name for name in ("cursor", "limit", "raw") if name in page.given]
    if paging:
        fields = {name: [_ONLY_OF_PAGES] for name in paging}
        raise BadInputError("a list as CSV has no pages", fields=fields)
    places = rooms().exports
    places.begin()
    try:
        first = fetch(None, PAGE_ROWS)  # what fails here still has an answer of its own
        pages = places.paced(_pages(fetch, first))
        response = exports.streamed(exports.written(pages, item), places)
    except BaseException:
        places.end()
        raise
    response.vary.add("Accept")
    return response


def _pages(fetch: Fetch, page: Fetched) -> Iterator[Sequence[dict[str, Any]]]:
    items, after = page
    yield items
    while after is not None:
        items, after = fetch(after, PAGE_ROWS)
        yield items
