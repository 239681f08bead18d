"""What the OpenAPI document says of one operation: what it takes, and every way it can end."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from marshmallow import Schema

from receiver.platform.apis import ROOT
from receiver.web import shapes
from receiver.web.auth import PUBLIC, declared
from receiver.web.errors import REST
from receiver.web.examples import example_of, problem_of, refusal_of
from receiver.web.parameters import PARAMETERS

VARIABLE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_PROBLEM: Final = "application/problem+json"
_API: Final = "/api/v1/"

Shapes = type[Schema] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Tag:
    """What operations are grouped by."""

    prefix: str
    """How the paths of the group begin."""
    name: str
    description: str


#: In the order in which people read them. The first whose prefix fits is an operation's; what
#: fits none is tagged by the name of its folder.
TAGS: Final[Sequence[Tag]] = (
    Tag("/api/v1/sends", "Sends", "What was sent, and what became of it."),
    Tag("/api/v1/deliveries", "Deliveries", "One send to one destination each."),
    Tag("/api/v1/messages", "Messages", "What customers wrote."),
    Tag("/api/v1/conversations", "Messages", ""),
    Tag("/api/v1/receipts", "Receipts", "What the platform reported, as it came."),
    Tag("/api/v1/events", "Events", "What else the platform reported."),
    Tag("/api/v1/profiles", "Profiles", "What became of app profiles."),
    Tag("/api/v1/changes", "Changes", "Everything that changes, as it does."),
    Tag("/api/v1/stats", "Stats", "How many, and how fast."),
    Tag("/api/v1/quarantine", "Quarantine", "What came and was not understood: kept whole."),
    Tag("/api/v1/jobs", "Quarantine", ""),
    Tag("/api/v1/audit", "Audit", "Who did what."),
    Tag("/rest/v1/service", "Integration points", "The channels, each with its keys and rules."),
    Tag(ROOT, "Gateway", "The platform's own APIs: forwarded, answered by it, and recorded."),
    Tag("/hooks", "Hooks", "What the platform calls; the token in the path is the key."),
    Tag("/health", "Operations", "Whether it runs, and how well."),
    Tag("/metrics", "Operations", ""),
    Tag("/api/", "About the API", "This description, for machines and for people."),
)
#: Headers of answers.
HEADERS: Final[Mapping[str, str]] = {
    "ETag": "The digest of the body; sent back as `If-None-Match` it spares what has not changed.",
    "Link": 'The URL of the next page: `<...>; rel="next"`.',
    "Location": "The URL of what was made.",
    "Receiver-Ledger": "How fresh the answer is: `complete=true; spooled=0; oldest=0`.",
    "X-Request-ID": "By which the log tells of it; a UUID that came in this header is kept.",
    "Retry-After": "In how many seconds to come again.",
    "WWW-Authenticate": "How to show who asks.",
}
#: What comes beside an answer of the API, by its status.
_BESIDE: Final[Mapping[HTTPStatus, Sequence[str]]] = {
    HTTPStatus.CREATED: ["Location"],
    HTTPStatus.ACCEPTED: ["Location"],
    HTTPStatus.NOT_MODIFIED: ["ETag", "Receiver-Ledger"],
    HTTPStatus.UNAUTHORIZED: ["WWW-Authenticate"],
    HTTPStatus.SERVICE_UNAVAILABLE: ["Retry-After"],
}
_VERBS: Final[Mapping[str, str]] = {"index": "list", "show": "get"}


def any_of(*schemas: type[Schema] | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the shape of what is one of several."""
    return {"anyOf": list(schemas)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route; the view's docstring and declared scope are part of it."""

    view: Callable[..., Any]
    path: str
    method: str = "get"
    query: type[Schema] | None = None
    headers: Sequence[str] = ()
    """Headers that it reads beside those that every operation does."""
    body: Shapes = None
    needs_body: bool = True
    bodies: Mapping[str, Any] = field(default_factory=dict)
    """Examples of the body by what they show, where its shape has none."""
    answers: Mapping[HTTPStatus, Shapes] = field(default_factory=dict)
    shown: Mapping[HTTPStatus, Mapping[str, Any]] = field(default_factory=dict)
    """Examples of answers by what they show, where those of their shapes say something else."""
    csv: bool = False
    """Whether what is answered with 200 can be had as CSV."""
    name: str = ""
    """Its operationId, where that does not follow from the view's own name."""
    summary: str = ""
    """What it does, where the view's docstring speaks of more than this."""

    @property
    def errors(self) -> Mapping[HTTPStatus, Shapes]:
        """The answers that follow from what the operation takes."""
        if self.scope == PUBLIC or self.is_platforms:
            return {}
        statuses = [
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ]
        if self.query or self.body:
            statuses.append(HTTPStatus.BAD_REQUEST)
        if self.body:
            statuses.append(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if "<" in self.path:
            statuses.append(HTTPStatus.NOT_FOUND)
        unchanged = {HTTPStatus.NOT_MODIFIED: None} if self.is_read else {}
        refusal = shapes.Refusal if self.path.startswith(REST) else shapes.Problem
        return {**unchanged, **dict.fromkeys(statuses, refusal)}

    @property
    def scope(self) -> str:
        """The scope that a key needs for it, or `public`."""
        return declared(self.view) or PUBLIC

    @property
    def is_platforms(self) -> bool:
        """Whether it is one of the platform's own, answered in its ways."""
        return self.path.startswith(ROOT)

    @property
    def is_read(self) -> bool:
        """Whether it shows what the ledger holds, with an ETag."""
        return self.method == "get" and self.path.startswith(_API)

    @property
    def id(self) -> str:
        """A good name for a function that calls it."""
        noun = self.path.removeprefix(_API).partition("/")[0].title()
        verb, *more = _VERBS.get(self.view.__name__, self.view.__name__).split("_")
        verb += "".join(map(str.title, more))
        return self.name or f"{verb}{noun.removesuffix('s') if verb == 'get' else noun}"

    @property
    def tag(self) -> str:
        """What it is grouped under."""
        fitting = (tag.name for tag in TAGS if self.path.startswith(tag.prefix))
        return next(fitting, self.path.rpartition("/")[0].rpartition("/")[2].title())

    def described(self) -> dict[str, Any]:
        """Return the Operation Object, with schemas that are yet to be resolved."""
        told, _, more = (self.summary or self.view.__doc__ or "").strip().partition("\n")
        needs = "" if self.scope == PUBLIC else f"Needs a key with the scope `{self.scope}`."
        described: dict[str, Any] = {
            "tags": [self.tag],
            "summary": told,
            "description": "\n\n".join(filter(None, [" ".join(more.split()), needs])),
            "operationId": self.id,
            "parameters": [*self._parameters()],
            "responses": {
                str(int(status)): self._response(status, shape)
                for status, shape in sorted({**self.errors, **self.answers}.items())
            },
            "security": self._security(),
        }
        if self.body is not None:
            content = {"schema": self.body, "examples": self._bodies()}
            described["requestBody"] = {
                "required": self.needs_body,
                "content": {"application/json": content},
            }
        return described

    def _security(self) -> Sequence[Mapping[str, Sequence[str]]]:
        if self.scope == PUBLIC:
            return []
        known: list[Mapping[str, Sequence[str]]] = [{"key": [self.scope]}]
        return [{"platformKey": []}, *known] if self.is_platforms else known

    def _parameters(self) -> Sequence[dict[str, Any]]:
        text = {"type": "string"}
        named = [
            {"in": "path", "name": name, "required": True, "schema": text}
            for name in VARIABLE.findall(self.path)
        ]
        named += [
            {"in": "header", "name": name, "schema": {**text, "maxLength": 200}}
            for name in self.headers
        ]
        return [*named, {"in": "query", "schema": self.query}] if self.query else named

    def _bodies(self) -> dict[str, Any]:
        shown = self.bodies or examples_of(self.body)
        return {name: {"value": value} for name, value in shown.items()}

    def _response(self, status: HTTPStatus, shape: Shapes) -> dict[str, Any]:
        described: dict[str, Any] = {"description": status.phrase}
        described["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in (*self._headers(status), "X-Request-ID")
        }
        if shape is not None:
            described["content"] = {
                _content_type(each): self._content(status, each) for each in _by_type(shape)
            }
            if self.csv and status == HTTPStatus.OK:
                described["content"]["text/csv"] = {"schema": {"type": "string"}}
        return described

    def _content(self, status: HTTPStatus, shape: Shapes) -> dict[str, Any]:
        shown = self._shown(status, shape)
        examples = {name: {"value": value} for name, value in shown.items()}
        return {"schema": shape} | ({"examples": examples} if examples else {})

    def _shown(self, status: HTTPStatus, shape: Shapes) -> dict[str, Any]:
        if status in self.shown:
            return dict(self.shown[status])
        if shape is shapes.Refusal:
            return {"refusal": refusal_of(status)}
        return {"problem": problem_of(status)} if shape is shapes.Problem else examples_of(shape)

    def _headers(self, status: HTTPStatus) -> Sequence[str]:
        if not (self.is_read and status == HTTPStatus.OK):
            return _BESIDE.get(status, ())
        is_list = self.query is not None and "cursor" in self.query().fields
        return ["ETag", *(["Link"] if is_list else []), "Receiver-Ledger"]


def describe_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a Parameter Object with what is known of its name."""
    known = PARAMETERS.get(parameter["name"])
    if known is None:
        return parameter
    example = {} if known.example is None else {"example": known.example}
    return {"description": known.description, **example, **parameter}


def examples_of(shape: Shapes) -> dict[str, Any]:
    """Return examples of a shape by what they show; none where it has no fields of its own."""
    if isinstance(shape, type):
        return {_named(shape): example_of(shape)}
    if shape is None:
        return {}
    if shape.get("type") == "array":
        return {"many": [*examples_of(shape["items"]).values()]}
    return {
        name: value for one in shape.get("anyOf", ()) for name, value in examples_of(one).items()
    }


def _named(shape: type[Schema]) -> str:
    name = shape.__name__.removesuffix("Schema").removesuffix("Shape")
    return name[0].lower() + name[1:]


def _by_type(shape: Shapes) -> Sequence[Shapes]:
    """Return a shape, or two where it may be a problem too: that has a type of its own."""
    choices = shape.get("anyOf", ()) if isinstance(shape, Mapping) else ()
    others = [each for each in choices if each is not shapes.Problem]
    return [any_of(*others), shapes.Problem] if len(others) < len(choices) else [shape]


def _content_type(shape: Shapes) -> str:
    if isinstance(shape, Mapping) and "contentMediaType" in shape:
        return str(shape["contentMediaType"])
    return _PROBLEM if shape is shapes.Problem else "application/json"
