"""Query parameters: read strictly, and the pages that lists come in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from receiver.domain.errors import BadInputError
from receiver.store.keys import ApiKey
from receiver.web import cursors
from receiver.web.fields import ChannelName, Instant, Text
from receiver.web.json_input import load

DEFAULT_LIMIT: Final = 100
MOST_LIMIT: Final = 1000
_LONGEST: Final = len(str(MOST_LIMIT))
#: A plus sign that nobody escaped arrives as a blank.
_LOST_PLUS: Final = re.compile(r"(T\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")
_PAGING: Final = ("cursor", "limit")


class Limit(fields.Integer):
    """How many items a page has; parameters are texts, so digits are one."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        is_number = isinstance(value, str) and value.isascii() and value.isdigit()
        if not is_number or len(value) > _LONGEST:
            raise ValidationError(f"must be a number from 1 to {MOST_LIMIT}")
        return int(value)


def check_order(loaded: Mapping[str, Any]) -> None:
    """Raise ValidationError where a span of time ends before it begins."""
    if "since" in loaded and "until" in loaded and loaded["since"] > loaded["until"]:
        raise ValidationError({"since": ["must not be after until"]})


class PageQuery(Schema):
    """What every list takes."""

    limit = Limit(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MOST_LIMIT))
    cursor = Text(most=500)


class ListQuery(PageQuery):
    """What lists over time take."""

    channel = ChannelName(most=50)
    since = Instant(metadata={"description": "Accepted at this time or later."})
    until = Instant(metadata={"description": "Accepted before this time."})

    @validates_schema
    def _in_order(self, loaded: Mapping[str, Any], **_: Any) -> None:
        check_order(loaded)


class SendsQuery(ListQuery):
    """What sends are sought by."""

    transid = Text(most=600)
    correlationid = Text(most=600)
    destination = Text(most=2048)
    tag = Text(most=100)


class SendQuery(Schema):
    """Which pages of a send are shown."""

    deliveries = Text(most=500)
    timeline = Text(most=500)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list that is asked for."""

    sought: Mapping[str, Any]
    """The filters, read."""
    limit: int
    cursor: str | None
    query: Mapping[str, Any]
    """What a cursor is bound to."""

    def place(self, *types: type) -> list[Any] | None:
        """Return where the page begins, None for the first. Raises: BadInputError."""
        if self.cursor is None:
            return None
        return cursors.decode(self.cursor, *types, name="cursor", query=self.query)

    def answer(self, items: Sequence[Any], after: Sequence[int | str] | None) -> Response:
        """Return the page; `after` is the place of its last item where there are more."""
        following = None if after is None else cursors.encode(after, query=self.query)
        response = jsonify({"items": items, "next": following})
        if following is not None and request.method != "POST":  # whose parameters are in its body
            given = {name: value for name, value in request.args.items() if name != "cursor"}
            link = f"{request.path}?{urlencode(given | {'cursor': following})}"
            response.headers["Link"] = f'<{link}>; rel="next"'
        return response


def read_query(schema: Schema) -> Mapping[str, Any]:
    """Return the parameters of this request. Raises: BadInputError naming them."""
    given = {name: values[0] for name, values in request.args.lists() if len(values) == 1}
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise BadInputError(
            "parameters are given twice", fields={name: ["is given twice"] for name in repeated}
        )
    for name in given.keys() & {"since", "until"}:
        given[name] = _LOST_PLUS.sub(r"\1+\2", given[name])
    loaded: Mapping[str, Any] = load(schema, given)
    return loaded


def read_page(schema: Schema, key: ApiKey) -> Page:
    """Return the page that this request asks for. Raises: BadInputError."""
    return page_of(read_query(schema), key)


def page_of(loaded: Mapping[str, Any], key: ApiKey) -> Page:
    """Return the page that parameters ask for, wherever they stood."""
    sought = {name: value for name, value in loaded.items() if name not in _PAGING}
    points = sorted(map(str, key.point_ids))
    query = {"path": request.path, "domain": key.domain, "points": points, **sought}
    return Page(sought, loaded["limit"], loaded.get("cursor"), query)
