"""The OpenAPI document of every route, made of the schemas that the views work with."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from receiver.web import (
    arrival_shapes,
    audit,
    changes,
    conversations,
    deliveries,
    docs,
    events,
    feed_shapes,
    gateway_operations,
    health_operations,
    hooks,
    messages,
    point_shapes,
    points,
    profiles,
    quarantine_operations,
    receipts,
    recording,
    send_lists,
    sends,
    shapes,
    stats,
)
from receiver.web.arrival_queries import EventsQuery, MessagesQuery, ReceiptsQuery, TidQuery
from receiver.web.auth import public
from receiver.web.examples import (
    COMPLETED,
    HOOK_ANSWERS,
    NOTIFICATIONS,
    RECORDED,
    SEARCHES,
    example_of,
)
from receiver.web.operations import (
    HEADERS,
    TAGS,
    VARIABLE,
    Operation,
    Shapes,
    any_of,
    describe_parameter,
)
from receiver.web.point_examples import POINT_ID, POINTS_POSTED
from receiver.web.point_queries import PointQuery, PointsQuery
from receiver.web.point_schemas import IntegrationPointChange, IntegrationPointSchema
from receiver.web.queries import DeliveriesQuery, LookupSchema, SendQuery, SendsQuery
from receiver.web.send_schemas import MOST_SENDS, CompletionSchema, ExchangeSchema, SendSchema

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
_HOOKS: Final = dict(zip(("", "AtSubPath"), hooks.PATHS, strict=True))
_DELETED: Final = example_of(feed_shapes.ChangeList)
_CHANGED: Final = {
    **_DELETED,
    "items": [
        {**item, "kind": "delivery", "data": example_of(shapes.DeliveryItem)}
        for item in _DELETED["items"]
    ],
}
_POINTS: Final = "/rest/v1/service/integration_points"
_POINT: Final = any_of(point_shapes.IntegrationPointShape, point_shapes.FLAT)
OPERATIONS: Final[Sequence[Operation]] = (
    *(
        Operation(
            view=hooks.hook,
            path=path,
            name=f"greetHook{beside}",
            summary="Say that the hook is there: the platform asks by HEAD.",
            answers=_GREETED,
            shown=HOOK_ANSWERS,
        )
        for beside, path in _HOOKS.items()
    ),
    *(
        Operation(
            view=hooks.hook,
            path=path,
            method="post",
            name=f"postNotification{beside}",
            summary="Take a notification.",
            body={},
            bodies=NOTIFICATIONS,
            answers=_HOOK_ANSWERS,
            shown=HOOK_ANSWERS,
        )
        for beside, path in _HOOKS.items()
    ),
    Operation(
        view=docs.index,
        path="/api/docs",
        name="getDocs",
        answers={HTTPStatus.OK: shapes.PAGE, HTTPStatus.NOT_MODIFIED: None},
    ),
    Operation(
        view=docs.show,
        path="/api/docs/<name>",
        name="getDocsFile",
        answers={
            HTTPStatus.OK: shapes.FILE,
            HTTPStatus.NOT_MODIFIED: None,
            HTTPStatus.NOT_FOUND: shapes.Problem,
        },
    ),
    *health_operations.OPERATIONS,
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
        name="searchSends",
        body=SendsQuery,
        bodies=SEARCHES,
        answers={HTTPStatus.OK: shapes.SendList},
        csv=True,
    ),
    Operation(
        view=send_lists.look_up,
        path="/api/v1/sends/lookup",
        method="post",
        name="lookUpSends",
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
        name="recordSends",
        headers=["Idempotency-Key"],
        body=any_of(SendSchema, ExchangeSchema, _MANY),
        answers={
            HTTPStatus.OK: any_of(shapes.SendResult, shapes.SendResults),
            HTTPStatus.CREATED: shapes.SendResult,
        },
        shown=RECORDED,
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
        name="completeSend",
        body=CompletionSchema,
        answers={HTTPStatus.OK: shapes.SendResult, HTTPStatus.CONFLICT: shapes.Problem},
        shown=COMPLETED,
    ),
    Operation(
        view=messages.index,
        path="/api/v1/messages",
        query=MessagesQuery,
        answers={HTTPStatus.OK: arrival_shapes.MessageList},
        csv=True,
    ),
    Operation(
        view=messages.show,
        name="getMessages",
        path="/api/v1/messages/<path:tid>",
        query=TidQuery,
        answers={HTTPStatus.OK: arrival_shapes.MessageList},
        csv=True,
    ),
    Operation(
        view=events.index,
        path="/api/v1/events",
        query=EventsQuery,
        answers={HTTPStatus.OK: arrival_shapes.MessageList},
        csv=True,
    ),
    Operation(
        view=profiles.index,
        path="/api/v1/profiles",
        query=profiles.ProfilesQuery,
        answers={HTTPStatus.OK: arrival_shapes.ProfileList},
        csv=True,
    ),
    Operation(
        view=receipts.index,
        path="/api/v1/receipts",
        query=ReceiptsQuery,
        answers={HTTPStatus.OK: arrival_shapes.ReceiptList},
        csv=True,
    ),
    Operation(
        view=conversations.search,
        path="/api/v1/conversations",
        method="post",
        name="listConversation",
        body=conversations.ConversationQuery,
        answers={HTTPStatus.OK: arrival_shapes.Conversation},
    ),
    *quarantine_operations.OPERATIONS,
    Operation(
        view=audit.index,
        path="/api/v1/audit",
        query=audit.AuditQuery,
        answers={HTTPStatus.OK: arrival_shapes.AuditList},
    ),
    Operation(
        view=points.create,
        path=_POINTS,
        method="post",
        name="createIntegrationPoint",
        headers=[points.OVERRIDE],
        body=any_of(IntegrationPointSchema, {"type": "string"}),
        bodies=POINTS_POSTED,
        shown={
            HTTPStatus.OK: {
                "created": example_of(point_shapes.IntegrationPointShape),
                "found": [POINT_ID],
            }
        },
        answers={
            HTTPStatus.OK: any_of(point_shapes.IntegrationPointShape, point_shapes.IDS),
            HTTPStatus.NOT_FOUND: shapes.Refusal,
            HTTPStatus.CONFLICT: shapes.Refusal,
        },
    ),
    Operation(
        view=points.index,
        path=_POINTS,
        name="listIntegrationPoints",
        query=PointsQuery,
        answers={HTTPStatus.OK: {"type": "array", "items": _POINT}},
    ),
    Operation(
        view=points.show,
        path=f"{_POINTS}/<id_>",
        name="getIntegrationPoint",
        query=PointQuery,
        answers={HTTPStatus.OK: _POINT},
    ),
    Operation(
        view=points.update,
        path=f"{_POINTS}/<id_>",
        method="patch",
        name="changeIntegrationPoint",
        body=IntegrationPointChange,
        answers={
            HTTPStatus.OK: point_shapes.IntegrationPointShape,
            HTTPStatus.CONFLICT: shapes.Refusal,
        },
    ),
    Operation(
        view=points.delete,
        path=f"{_POINTS}/<id_>",
        method="delete",
        name="deleteIntegrationPoint",
        answers={HTTPStatus.NO_CONTENT: None},
    ),
    Operation(
        view=points.show_token,
        path="/rest/v1/service/integration_tokens/<token>",
        name="getIntegrationToken",
        answers={HTTPStatus.OK: point_shapes.TokenShape},
    ),
    Operation(
        view=changes.index,
        path="/api/v1/changes",
        query=changes.ChangesQuery,
        answers={HTTPStatus.OK: feed_shapes.ChangeList, HTTPStatus.GONE: shapes.Problem},
        shown={HTTPStatus.OK: {"delivery": _CHANGED, "deletion": _DELETED}},
    ),
    Operation(
        view=stats.index,
        path="/api/v1/stats",
        query=stats.StatsQuery,
        answers={HTTPStatus.OK: feed_shapes.Stats},
    ),
    *gateway_operations.OPERATIONS,
)

_ABOUT: Final = """\
Takes every delivery receipt and inbound message of a messaging platform, loses none, and tells \
what became of each send.

Times are RFC 3339 in UTC. Lists come in pages: pass `next` back as `cursor`. Errors are RFC 9457 \
problems that name every field at fault. After 503 come again in `Retry-After` seconds."""

_PLATFORM_KEY: Final = "The key where the platform's own clients give it, on its own paths."

openapi = Blueprint("openapi", __name__, url_prefix="/api")


@openapi.get("/openapi.json")
@public
def show() -> ResponseReturnValue:
    """Return the OpenAPI document."""
    return jsonify(DOCUMENT)


_ITSELF: Final = Operation(
    view=show, path="/api/openapi.json", answers={HTTPStatus.OK: {}}, name="getOpenApi"
)


def _document() -> dict[str, Any]:
    spec = APISpec(
        title="Receiver",
        version=version("receiver"),
        openapi_version="3.1.0",
        info={"description": _ABOUT},
        servers=[{"url": "/", "description": "This Receiver."}],
        tags=_tags(),
        plugins=[MarshmallowPlugin()],
    )
    spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <key>`"}
    )
    spec.components.security_scheme(
        "platformKey",
        {"type": "apiKey", "in": "header", "name": "key", "description": _PLATFORM_KEY},
    )
    for name, description in HEADERS.items():
        spec.components.header(name, {"description": description, "schema": {"type": "string"}})
    for operation in (*OPERATIONS, _ITSELF):
        path = VARIABLE.sub(r"{\1}", operation.path)
        spec.path(path, operations={operation.method: operation.described()})
    return _with_parameters(spec.to_dict())


def _tags() -> Sequence[dict[str, str]]:
    """Return the tags that are in use, in the order in which people read them."""
    used = dict.fromkeys(operation.tag for operation in (*OPERATIONS, _ITSELF))
    told = {tag.name: tag.description for tag in reversed(TAGS)}
    ordered = dict.fromkeys([*(tag.name for tag in TAGS if tag.name in used), *used])
    return [{"name": name, "description": told.get(name, "")} for name in ordered]


def _with_parameters(document: dict[str, Any]) -> dict[str, Any]:
    """Describe the parameters, which stand in the document once apispec has resolved them."""
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [*map(describe_parameter, operation["parameters"])]
    return document


DOCUMENT: Final = _document()
