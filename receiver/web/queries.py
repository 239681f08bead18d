"""Query parameters: read strictly, and the pages that lists come in."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from flask import Response, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate

from receiver.domain.errors import BadInputError
from receiver.domain.facts import State
from receiver.domain.status import STATUSES, Outcome
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.sought import unknown_points
from receiver.web import cursors
from receiver.web.fields import ChannelName, Choices, Flag, Instant, Many, Numbers, Text
from receiver.web.json_input import bad, load, read_json
from receiver.web.rooms import rooms
from receiver.web.windows import Served, check_window

DEFAULT_LIMIT: Final = 100
MOST_LIMIT: Final = 1000
_LIMITED: Final = f"must be a number from 1 to {MOST_LIMIT}"
IN_LIMIT: Final = validate.Range(1, MOST_LIMIT, error=_LIMITED)
MOST_WAIT: Final = 25
_LONGEST: Final = len(str(MOST_LIMIT))
#: A plus sign that nobody escaped arrives as a blank.
_LOST_PLUS: Final = re.compile(r"(T\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")
_PAGING: Final = ("cursor", "limit")
MOST_TRANSIDS: Final = 1000
#: Each of these names few sends, and so few deliveries.
_FEW: Final = frozenset({"transid", "correlationid", "destination"})

#: Where in its order a list is: what its cursors hold.
Place = Sequence[int | str]


class Limit(fields.Integer):
    """How many items a page has; parameters are texts, so digits are one."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        is_number = isinstance(value, str) and value.isascii() and value.isdigit()
        if not is_number or len(value) > _LONGEST:
            raise ValidationError(_LIMITED)
        return int(value)


class Wait(fields.Integer):
    """How long to wait for something new, in whole seconds."""

    def __init__(self) -> None:
        super().__init__(load_default=0, validate=validate.Range(0, MOST_WAIT))

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if value not in map(str, range(MOST_WAIT + 1)):
            raise ValidationError(f"must be a whole number of seconds from 0 to {MOST_WAIT}")
        return int(value)


class PageQuery(Schema):
    """What every list takes."""

    limit = Limit(load_default=DEFAULT_LIMIT, validate=IN_LIMIT)
    cursor = Text(most=500)


class ListQuery(PageQuery):
    """What lists over time take."""

    #: Which filters need no window of time; None where none needs one.
    served: ClassVar[Served | None] = None

    since = Instant(metadata={"description": "Accepted at this time or later."})
    until = Instant(metadata={"description": "Accepted before this time."})


class OutboundQuery(ListQuery):
    """What sends and deliveries are sought by."""

    transid = Many(Text(most=600))
    correlationid = Many(Text(most=600))
    destination = Numbers()
    channel = Many(ChannelName(most=50))
    sender = Numbers()
    tag = Many(Text(most=100))
    point = Many(Text(most=100), metadata={"description": "Ids or codes of points."})
    recorded = Flag()


class SendsQuery(OutboundQuery):
    """What sends are sought by."""

    served = Served(few=_FEW, in_order=(frozenset(), frozenset({"tag"})))

    state = Choices([state.value for state in State])


class DeliveriesQuery(OutboundQuery):
    """What deliveries are sought by."""

    served = Served(few=_FEW, in_order=(frozenset(), frozenset({"overdue"})))

    status = Choices([status.name for status in STATUSES])
    outcome = Choices([outcome.value for outcome in Outcome])
    code = Many(Text(most=100))
    carrier = Many(Text(most=200))
    conflict = Flag()
    overdue = Flag()
    since = Instant(metadata={"description": "Known to the ledger at this time or later."})
    until = Instant(metadata={"description": "Known to the ledger before this time."})


class LookupSchema(Schema):
    """Which sends are looked up."""

    transids = fields.List(
        Text(most=600), required=True, validate=validate.Length(1, MOST_TRANSIDS)
    )


class SendQuery(Schema):
    """Which pages of a send are shown, and how long its outcome is waited for."""

    deliveries = Text(most=500)
    timeline = Text(most=500)
    wait = Wait()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list that is asked for."""

    sought: Mapping[str, Any]
    """The filters, read."""
    limit: int
    cursor: str | None
    query: Mapping[str, Any]
    """What a cursor is bound to."""
    given: Collection[str]
    """The names of the parameters that were given."""

    def place(self, *types: type) -> list[Any] | None:
        """Return where the page begins, None for the first. Raises: BadInputError."""
        if self.cursor is None:
            return None
        return cursors.decode(self.cursor, *types, name="cursor", query=self.query)

    def answer(self, items: Sequence[Any], after: Place | None) -> Response:
        """Return the page; `after` is the place of its last item where there are more."""
        following = None if after is None else cursors.encode(after, query=self.query)
        response = jsonify({"items": items, "next": following})
        if following is not None and request.method != "POST":  # whose parameters are in its body
            given = [each for each in request.args.items(multi=True) if each[0] != "cursor"]
            link = f"{request.path}?{urlencode([*given, ('cursor', following)])}"
            response.headers["Link"] = f'<{link}>; rel="next"'
        return response


def read_query(schema: Schema) -> Mapping[str, Any]:
    """Return the parameters of this request. Raises: BadInputError naming them."""
    loaded: Mapping[str, Any] = load(schema, _parameters(schema))
    return loaded


def _parameters(schema: Schema) -> dict[str, Any]:
    """Return the parameters as a body would hold them."""
    many = {
        field.data_key or name for name, field in schema.fields.items() if isinstance(field, Many)
    }
    given: dict[str, Any] = dict(request.args.lists())
    single = {name: values for name, values in given.items() if name not in many}
    repeated = [name for name, values in single.items() if len(values) > 1]
    if repeated:
        raise BadInputError(
            "parameters are given twice", fields={name: ["is given twice"] for name in repeated}
        )
    given |= {name: values[0] for name, values in single.items()}
    for name in given.keys() & {"since", "until"}:
        given[name] = _LOST_PLUS.sub(r"\1+\2", given[name])
    return given


def read_page(schema: PageQuery, key: ApiKey) -> Page:
    """Return the page that this request asks for, in its body where it posts one.

    Raises: BadInputError naming the parameters.
    """
    posted = request.method == "POST"
    given = read_json(rooms().intake, request) if posted else _parameters(schema)
    loaded = load(schema, given)
    sought = {name: value for name, value in loaded.items() if name not in _PAGING}
    if isinstance(schema, ListQuery):
        served = schema.served and (schema.served.by_points() if key.point_ids else schema.served)
        check_window(sought, served, lambda name: schema.fields[name].data_key or name)
    check_points(sought.get("point", ()), key)
    points = sorted(map(str, key.point_ids))
    query = {"path": request.path, "domain": key.domain, "points": points, **sought}
    return Page(sought, loaded["limit"], loaded.get("cursor"), query, frozenset(given))


def check_points(named: Collection[str], key: ApiKey) -> None:
    """Raise BadInputError where a name is that of no point, or of none that the key may see."""
    if not named:
        return
    with reading(rooms().engine) as session:
        unknown = unknown_points(session, named, domain=key.domain, point_ids=key.point_ids)
    if unknown:
        raise bad("point", f"must be ids or codes of points; no point is called {unknown[0]}")
