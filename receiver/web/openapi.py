"""The OpenAPI document of every route, made of the schemas that the views work with."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from receiver.web import (
    audit,
    conversations,
    deliveries,
    events,
    health,
    hooks,
    messages,
    metrics,
    receipts,
    recording,
    send_lists,
    sends,
    shapes,
)
from receiver.web.arrival_queries import EventsQuery, MessagesQuery, ReceiptsQuery, TidQuery
from receiver.web.auth import PUBLIC, declared, public
from receiver.web.exports import CSV
from receiver.web.queries import DeliveriesQuery, LookupSchema, SendQuery, SendsQuery
from receiver.web.send_schemas import MOST_SENDS, CompletionSchema, ExchangeSchema, SendSchema

_VARIABLE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_PROBLEM: Final = "application/problem+json"

Shapes = type[Schema] | Mapping[str, Any] | None


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
    body: Shapes = None
    answers: Mapping[HTTPStatus, Shapes] = field(default_factory=dict)
    csv: bool = False
    """Whether what is answered with 200 can be had as CSV."""

    @property
    def errors(self) -> Mapping[HTTPStatus, Shapes]:
        """The answers that follow from what the operation takes."""
        if declared(self.view) == PUBLIC:
            return {}
        statuses = [
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ]
        if self.query or self.body:
            statuses.append(HTTPStatus.BAD_REQUEST)
        if self.body:
            statuses.append(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if "<" in self.path:
            statuses.append(HTTPStatus.NOT_FOUND)
        return dict.fromkeys(statuses, shapes.Problem)


_ITEM: Final = any_of(SendSchema, ExchangeSchema)
_MANY: Final = {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MOST_SENDS}
_HOOK_ANSWERS: Final[Mapping[HTTPStatus, Shapes]] = {
    HTTPStatus.OK: any_of(shapes.HookResult, shapes.HookResults),
    HTTPStatus.BAD_REQUEST: shapes.HookResult,
    HTTPStatus.NOT_FOUND: shapes.HookError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: shapes.HookResult,
    HTTPStatus.SERVICE_UNAVAILABLE: shapes.HookError,
}
_GREETED: Final[Mapping[HTTPStatus, Shapes]] = {
    HTTPStatus.OK: None,
    HTTPStatus.NOT_FOUND: shapes.HookError,
    HTTPStatus.SERVICE_UNAVAILABLE: shapes.HookError,
}
OPERATIONS: Final[Sequence[Operation]] = (
    *(
        Operation(
            view=hooks.hook,
            path=path,
            method=method,
            body={} if method == "post" else None,
            answers=_HOOK_ANSWERS if method == "post" else _GREETED,
        )
        for path in hooks.PATHS
        for method in ("get", "post")
    ),
    Operation(view=health.live, path="/health/live", answers={HTTPStatus.OK: shapes.Health}),
    Operation(
        view=health.ready,
        path="/health/ready",
        answers={HTTPStatus.OK: shapes.Health, HTTPStatus.SERVICE_UNAVAILABLE: shapes.Health},
    ),
    Operation(view=metrics.show, path="/metrics", answers={HTTPStatus.OK: shapes.PLAIN_TEXT}),
    Operation(
        view=send_lists.index,
        path="/api/v1/sends",
        query=SendsQuery,
        answers={HTTPStatus.OK: shapes.SendList},
        csv=True,
    ),
    Operation(
        view=send_lists.search,
        path="/api/v1/sends/search",
        method="post",
        body=SendsQuery,
        answers={HTTPStatus.OK: shapes.SendList},
        csv=True,
    ),
    Operation(
        view=send_lists.look_up,
        path="/api/v1/sends/lookup",
        method="post",
        body=LookupSchema,
        answers={HTTPStatus.OK: shapes.SendsFound},
    ),
    Operation(
        view=deliveries.index,
        path="/api/v1/deliveries",
        query=DeliveriesQuery,
        answers={HTTPStatus.OK: shapes.DeliveryList},
        csv=True,
    ),
    Operation(
        view=recording.create,
        path="/api/v1/sends",
        method="post",
        body=any_of(SendSchema, ExchangeSchema, _MANY),
        answers={
            HTTPStatus.OK: any_of(shapes.SendResult, shapes.SendResults),
            HTTPStatus.CREATED: shapes.SendResult,
        },
    ),
    Operation(
        view=sends.show,
        path="/api/v1/sends/<path:key>",
        query=SendQuery,
        answers={HTTPStatus.OK: shapes.SendShape},
    ),
    Operation(
        view=recording.update,
        path="/api/v1/sends/<path:key>",
        method="patch",
        body=CompletionSchema,
        answers={HTTPStatus.OK: shapes.SendResult, HTTPStatus.CONFLICT: shapes.Problem},
    ),
    Operation(
        view=messages.index,
        path="/api/v1/messages",
        query=MessagesQuery,
        answers={HTTPStatus.OK: shapes.MessageList},
    ),
    Operation(
        view=messages.show,
        path="/api/v1/messages/<path:tid>",
        query=TidQuery,
        answers={HTTPStatus.OK: shapes.MessageList},
    ),
    Operation(
        view=events.index,
        path="/api/v1/events",
        query=EventsQuery,
        answers={HTTPStatus.OK: shapes.MessageList},
    ),
    Operation(
        view=receipts.index,
        path="/api/v1/receipts",
        query=ReceiptsQuery,
        answers={HTTPStatus.OK: shapes.ReceiptList},
    ),
    Operation(
        view=conversations.search,
        path="/api/v1/conversations",
        method="post",
        body=conversations.ConversationQuery,
        answers={HTTPStatus.OK: shapes.Conversation},
    ),
    Operation(
        view=audit.index,
        path="/api/v1/audit",
        query=audit.AuditQuery,
        answers={HTTPStatus.OK: shapes.AuditList},
    ),
)

openapi = Blueprint("openapi", __name__, url_prefix="/api")


@openapi.get("/openapi.json")
@public
def show() -> ResponseReturnValue:
    """Return the OpenAPI document."""
    return jsonify(DOCUMENT)


def _document() -> dict[str, Any]:
    spec = APISpec(
        title="Receiver",
        version="1",
        openapi_version="3.1.0",
        info={"description": "What became of every message that was sent."},
        plugins=[MarshmallowPlugin()],
    )
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    itself = Operation(view=show, path="/api/openapi.json", answers={HTTPStatus.OK: {}})
    for operation in (*OPERATIONS, itself):
        path = _VARIABLE.sub(r"{\1}", operation.path)
        spec.path(path, operations={operation.method: _described(operation)})
    return spec.to_dict()


def _described(operation: Operation) -> dict[str, Any]:
    scope = declared(operation.view)
    described: dict[str, Any] = {
        "summary": (operation.view.__doc__ or "").partition("\n")[0],
        "operationId": f"{operation.method} {operation.path}",
        "parameters": [
            {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
            for name in _VARIABLE.findall(operation.path)
        ],
        "responses": {
            str(int(status)): _response(status, shape)
            for status, shape in sorted({**operation.answers, **operation.errors}.items())
        },
    }
    if operation.csv:
        described["responses"]["200"]["content"][CSV] = {"schema": shapes.PLAIN_TEXT}
    if operation.query:
        described["parameters"].append({"in": "query", "schema": operation.query})
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        }
    if scope and scope != PUBLIC:
        described["security"] = [{"key": []}]
        described["description"] = f"Needs a key with the scope `{scope}`."
    return described


def _response(status: HTTPStatus, shape: Shapes) -> dict[str, Any]:
    described: dict[str, Any] = {"description": status.phrase}
    if shape is not None:
        described["content"] = {_content_type(shape): {"schema": shape}}
    return described


def _content_type(shape: Shapes) -> str:
    if shape is shapes.PLAIN_TEXT:
        return "text/plain"
    return _PROBLEM if shape is shapes.Problem else "application/json"


DOCUMENT: Final = _document()
