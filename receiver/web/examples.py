"""What the OpenAPI document shows: an example of every field.

An example of a shape is made of its fields' values here, so that it can't miss one and its parts
tell the same story: a booking's SMS, delivered, and answered by the customer.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from marshmallow import Schema, fields

from receiver.web import health_examples, point_examples, quarantine_examples
from receiver.web.point_examples import POINT_ID, REFUSALS

#: Stands for a field that an example goes without.
OMITTED: Final = object()
TRANSID: Final = "f9793c83-6f1c-4d2e-9a4b-1b7f0f6c2d11"
_SEND_ID: Final = "5abc0a45-ba66-8d60-a7b6-16e470fcb611"
FACT_ID: Final = "01a20460-a6a0-7476-9abe-1fc179d7ce94"
_NUMBER: Final = "447700900123"
SENDER: Final = "447700900000"
_REQUESTED: Final = "2026-11-22T10:00:00.000Z"
_HANDED_ON: Final = "2026-11-22T10:00:01.030Z"
_DELIVERED: Final = "2026-11-22T10:00:04.210Z"
_ACCEPTED: Final = "2026-11-22T10:00:04.512Z"
_REPLIED: Final = "2026-11-22T10:02:31.000Z"
_ASKED: Final = "2026-11-23T10:00:08.000Z"
_CURSOR: Final = "WyI1ZDk0YzJmYTc3YjEiLDE3XQ"

#: A field's value by its name, or by its shape's and its name where that says otherwise.
VALUES: Final[Mapping[str, Any]] = {
    **point_examples.VALUES,
    **health_examples.VALUES,
    **dict.fromkeys(point_examples.LEFT_OUT, OMITTED),
    "accepted_at": _ACCEPTED,
    "additional_info": "",
    "after": None,
    "alias": None,
    "aliases": [f"{TRANSID}_0"],
    "also": None,
    "asked_as": TRANSID,
    "asked_at": _ASKED,
    "at": _ACCEPTED,
    "attachments": [],
    "before": None,
    "body": "2 lines of text",
    "bucket": "hour",
    "by": ["channel"],
    "bytes": 0,
    "callback_data": "table=4",
    "carrier": "EE",
    "cause": "receipt",
    "channel": "sms",
    "clock": "requested_at of the send, else when it was first heard of",
    "code": "7500",
    "code_text": "Delivered",
    "committed_at": _ACCEPTED,
    "complaint": 0,
    "confidence": 0.8,
    "conflict": False,
    "correlationid": "order-17",
    "cursor": _CURSOR,
    "damaged": 0,
    "decisive": True,
    "deliveries": 1,
    "description": "Delivered",
    "destination": _NUMBER,
    "destination_type": "msisdn",
    "destinations": ["+44 7700 900123"],
    "details": {},
    "differs": [],
    "direction": "out",
    "errors": {},
    "expires_at": None,
    "facts": 0,
    "failure": 0,
    "finding": "told",
    "first_receipt_at": _ACCEPTED,
    "http": 200,
    "id": FACT_ID,
    "ids": [_SEND_ID],
    "key_id": None,
    "kind": "receipt",
    "known_at": _ACCEPTED,
    "lag_seconds": 0.0,
    "latency_ms": 4210,
    "limit": 100,
    "metadata": {"order": 17},
    "method": "pair",
    "n": 119,
    "name": "",
    "notify_url": "",
    "reports_elsewhere": False,
    "ledger_since": "2025-10-18T00:00:00Z",
    "negative": 0,
    "next": _CURSOR,
    "number": "+44 7700 900123",
    "oldest_seconds": 0,
    "orphans": 0,
    "ours": SENDER,
    "outcome": "success",
    "overdue": False,
    "p50": 4210,
    "p90": 7330,
    "p99": 17251,
    "pending": 0,
    "percentile_error": 0.05,
    "provider_at": _DELIVERED,
    "provider_at_raw": "2026-11-22T10:00:04.210",
    "quoted": "",
    "raw": OMITTED,
    "raw_encoding": OMITTED,
    "raw_status": "Delivered",
    "recipient": _NUMBER,
    "recorded": True,
    "refused": 0,
    "request": {
        "deliverychannel": "sms",
        "channels": {"sms": {"text": "Your table is booked", "senderid": SENDER}},
        "destination": [{"msisdn": [_NUMBER]}],
        "correlationid": "order-17",
    },
    "requested_at": _REQUESTED,
    "response": {"response": [{"code": "1001", "description": "Queued", "transid": TRANSID}]},
    "segments": 1,
    "send_id": _SEND_ID,
    "sender": SENDER,
    "sends": 1,
    "since": OMITTED,
    "source": "hook",
    "state": "accepted",
    "status": "delivered",
    "status_at": _DELIVERED,
    "subject": "",
    "success": 1,
    "tag": "booking",
    "text": "Your table is booked",
    "tid": "0044_7f3b2c",
    "timeline": None,
    "transid": TRANSID,
    "transids": [TRANSID],
    "unconfirmed": 0,
    "until": OMITTED,
    "what": "raw.read",
    "zone_assumed": True,
    "AnswerShape.at": _HANDED_ON,
    "AnswerShape.code": "1001",
    "AnswerShape.description": "Queued",
    "AuditLine.id": 41,
    "ChangeShape.cause": "changed",
    "ChangeShape.data": {"kind": "message", "id": FACT_ID},
    "ChangeShape.kind": "deletion",
    "CompletionSchema.destinations": OMITTED,
    "CompletionSchema.metadata": OMITTED,
    "CompletionSchema.requested_at": OMITTED,
    "ConversationQuery.cursor": OMITTED,
    "ConversationQuery.number": ["+44 7700 900123"],
    "ConversationQuery.ours": [SENDER],
    "CountsShape.deliveries": 120,
    "CountsShape.overdue": 0,
    "CountsShape.conflict": 0,
    "CountsShape.sends": 118,
    "CountsShape.success": 119,
    "Deletion.kind": "message",
    "FailureShape.code": "7006",
    "FailureShape.description": "Internal error occurred: too many calls are under way",
    "FailureShape.transid": FACT_ID,
    "HookError.error": "the store is away or late: come again",
    "HookResult.errors": OMITTED,
    "HookResult.result": "accepted",
    "MessageShape.accepted_at": _REPLIED,
    "MessageShape.correlationid": "",
    "MessageShape.kind": "message",
    "MessageShape.provider_at": _REPLIED,
    "MessageShape.provider_at_raw": _REPLIED,
    "MessageShape.recipient": SENDER,
    "MessageShape.sender": _NUMBER,
    "MessageShape.text": "Thanks!",
    "MessageShape.transid": None,
    "MessageShape.zone_assumed": False,
    "More.deliveries": None,
    "PointShape.code": "otp",
    "PointShape.id": POINT_ID,
    "Problem.errors": {"limit": ["must be a number from 1 to 1000"]},
    "ProfileShape.appid": "a_6370",
    "ProfileShape.channel": "",
    "ProfileShape.code": "1002",
    "ProfileShape.description": "Partial success",
    "ProfileShape.failure": 1,
    "ProfileShape.provider_at": None,
    "ProfileShape.provider_at_raw": "",
    "ProfileShape.success": 0,
    "ProfileShape.zone_assumed": False,
    "QuestionShape.code": "",
    "RecordShape.code": "7015",
    "RecordShape.customerid": "8955",
    "RecordShape.description": "customer already exists",
    "ReplyShape.accepted_at": _REPLIED,
    "ReplyShape.sender": _NUMBER,
    "ReplyShape.text": "Thanks!",
    "SendItem.id": _SEND_ID,
    "SendFields.expires_at": "2026-11-22T11:00:00.000Z",
    "SendResult.id": _SEND_ID,
    "SendResult.results": OMITTED,
    "SendResult.status": 201,
    "Stats.since": "2026-11-21T10:00:00.000Z",
    "Stats.until": "2026-11-22T11:00:00.000Z",
    "StatsRow.at": "2026-11-22T10:00:00.000Z",
    "StatsRow.carrier": OMITTED,
    "StatsRow.code": OMITTED,
    "StatsRow.outcome": OMITTED,
    "StatsRow.point": OMITTED,
    "StatsRow.sender": OMITTED,
    "StatsRow.status": OMITTED,
    "StatsRow.tag": OMITTED,
    "Utterance.at": _REQUESTED,
    "Utterance.tid": None,
    "WhoShape.kind": "key",
    "WhoShape.name": "dashboard",
    **quarantine_examples.VALUES,
}
#: What an error says, by its status.
DETAILS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "fields are missing or wrong",
    HTTPStatus.UNAUTHORIZED: "an API key is needed: Authorization: Bearer <key>",
    HTTPStatus.FORBIDDEN: "the key lacks the scope read",
    HTTPStatus.NOT_FOUND: "neither a send nor a receipt of it is known",
    HTTPStatus.CONFLICT: "the send has another transid",
    HTTPStatus.GONE: "the cursor has expired",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 10485760 bytes",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something went wrong on our side",
    HTTPStatus.SERVICE_UNAVAILABLE: "the store is away or late: come again",
}

#: What the platform posts to a hook, by what it is.
NOTIFICATIONS: Final[Mapping[str, Any]] = {
    "receipt": {
        "deliveryInfoNotification": {
            "deliveryInfo": {
                "deliveryChannel": "SMS",
                "deliveryStatus": "Delivered",
                "code": "7500",
                "Description": "Delivered",
                "timeStamp": "2026-11-22T10:00:04.210",
                "destination": _NUMBER,
                "destinationType": "msisdn",
            },
            "transid": TRANSID,
            "correlationid": "order-17",
            "callbackData": "table=4",
        }
    },
    "message": {
        "channel": "sms",
        "event": "MO",
        "tid": "0044_7f3b2c",
        "oa": _NUMBER,
        "da": SENDER,
        "message": "Thanks!",
        "ts": _REPLIED,
    },
}
Shown = Mapping[HTTPStatus, Mapping[str, Any]]


def _quarantined(fault: str) -> Mapping[str, Any]:
    answer = {"result": "quarantined", "id": FACT_ID, "errors": {"body": [fault]}}
    return {"quarantined": answer}


#: What sends are sought by in a body.
SEARCHES: Final[Mapping[str, Any]] = {"number": {"destination": ["+44 7700 900123"], "limit": 10}}
#: What a hook answers where it takes nothing that it understands.
HOOK_ANSWERS: Final[Shown] = {
    HTTPStatus.BAD_REQUEST: _quarantined("line 1 column 92: expected ','"),
    HTTPStatus.NOT_FOUND: {"unknown": {"error": "no such hook"}},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _quarantined("the body is larger than 50331648 bytes"),
}
_RECORDED: Final[Mapping[str, Any]] = {
    "id": _SEND_ID,
    "transid": TRANSID,
    "errors": {},
    "differs": [],
}
_CONTRADICTS: Final = {**_RECORDED, "status": 200, "differs": ["sender"]}
_REFUSED: Final[Mapping[str, Any]] = {
    "status": 400,
    "id": None,
    "transid": None,
    "errors": {"destinations": ["is needed where there is no transid"]},
    "differs": [],
}
#: What recording sends is answered where they were known, or are many.
RECORDED: Final[Shown] = {
    HTTPStatus.OK: {
        "known": _CONTRADICTS,
        "many": {"results": [{**_RECORDED, "status": 201}, _CONTRADICTS, _REFUSED]},
    }
}
#: What completing a send is answered.
COMPLETED: Final[Shown] = {HTTPStatus.OK: {"completed": {**_RECORDED, "status": 200}}}


def example_of(shape: type[Schema]) -> dict[str, Any]:
    """Return an example of a shape, whole but for fields that have none."""
    values = {
        field.data_key or name: _value(shape, name, field) for name, field in shape().fields.items()
    }
    return {name: value for name, value in values.items() if value is not OMITTED}


def problem_of(status: HTTPStatus) -> dict[str, Any]:
    """Return an example of the problem that an error is answered with."""
    shown = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": DETAILS.get(status, status.phrase),
    }
    if status == HTTPStatus.BAD_REQUEST:
        shown["errors"] = VALUES["Problem.errors"]
    return shown


def refusal_of(status: HTTPStatus) -> dict[str, Any]:
    """Return an example of an error of integration points."""
    said = REFUSALS.get(status) or DETAILS.get(status, status.phrase)
    return {"error_code": 1000 + status, "error_message": said}


def missing(shape: type[Schema]) -> Sequence[str]:
    """Return the fields of a shape that have no example."""
    return [
        name
        for name, field in shape().fields.items()
        if _inner(field) is None and _known(shape, name) is None
    ]


def _value(shape: type[Schema], name: str, field: fields.Field[Any]) -> Any:
    key, inner = _known(shape, name), _inner(field)
    if inner is None or (key and "." in key):
        return VALUES[key] if key else OMITTED
    value = example_of(type(inner))
    return [value] if isinstance(field, fields.List) else value


def _known(shape: type[Schema], name: str) -> str | None:
    """Return the key of a field's value: that of its shape, of a shape it is made of, its name."""
    keys = [*(f"{base.__name__}.{name}" for base in shape.__mro__), name]
    return next((key for key in keys if key in VALUES), None)


def _inner(field: fields.Field[Any]) -> Schema | None:
    """Return the shape inside a field, None where it is a plain value."""
    nested = field.inner if isinstance(field, fields.List) else field
    return nested.schema if isinstance(nested, fields.Nested) else None
