"""What the OpenAPI document shows of the gateway. Source: CONTRACT.md 5 to 7."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from receiver.web.examples import FACT_ID, SENDER, TRANSID

_NUMBER: Final = "447700900123"
_SMS: Final = {"sms": {"text": "Your table is booked", "senderid": SENDER}}
_TO: Final = [{"msisdn": [_NUMBER]}]
#: What goes into the body of each, by what it shows.
MESSAGES: Final[Mapping[str, Any]] = {
    "simple": {"deliverychannel": "sms", "channels": _SMS, "destination": _TO},
    "whole": {
        "correlationid": "order-17",
        "notifyurl": "https://mywebsite.example/record/transactions",
        "callbackData": "table=4",
        "expiry": "2026-11-22T11:00:00",
        "priority": "2",
        "deliverychannel": "sms",
        "channels": {"smartlinks": [{"linkid": 5, "validity": 30}], **_SMS},
        "destination": [{"msisdn": [_NUMBER], "correlationid": "guest-1"}],
    },
    "template": {
        "deliverychannel": "sms",
        "message": {"template": "1"},
        "channels": {"sms": {}},
        "destination": _TO,
    },
    "batch": [
        {"deliverychannel": "sms", "channels": _SMS, "destination": _TO},
        {"channels": _SMS, "destination": [{"msisdn": ["447700900124"]}]},
    ],
}
_EVENT: Final = {"evtid": "4451", "correlationid": "order-17", "parameters": {"table": "4"}}
EVENTS: Final[Mapping[str, Any]] = {
    "one": {"expiry": "2026-11-22T11:00:00.000Z", "events": [_EVENT]},
    "many": {"events": [_EVENT, {**_EVENT, "evtid": "4452"}]},
}
PROFILES: Final[Mapping[str, Any]] = {
    "records": {
        "Records": [
            {"customerId": "8955", "Attributes": {"psid": "1652750724851329", "channel": "fb"}}
        ]
    }
}
_QUEUED: Final = {"code": "1001", "description": "Queued", "transid": TRANSID}


def _refused(code: str, description: str) -> Mapping[str, Any]:
    return {"response": {"code": code, "description": description, "transid": FACT_ID}}


_REFUSED: Final[Mapping[str, Any]] = {
    "broken": _refused("7000", "Invalid JSON: line 9 column 92: expected ','"),
    "unknownKey": _refused("7001", "Authentication failed: the key is unknown, expired or revoked"),
}
#: What the platform answers, and what we do where it would refuse as well.
SENT: Final[Mapping[str, Any]] = {
    "queued": {"response": [{**_QUEUED, "correlationid": "order-17"}]},
    "tooMany": _refused("7009", "Maximum number of destinations exceeded: 1000 requests at most"),
    **_REFUSED,
}
TRIGGERED: Final[Mapping[str, Any]] = {
    "queued": {"response": {**_QUEUED, "code": "1002", "correlationid": "order-17"}},
    "xml": _refused("7027", "Invalid XML: events are taken as JSON"),
    **_REFUSED,
}
CREATED: Final[Mapping[str, Any]] = {"queued": {"response": _QUEUED}, **_REFUSED}
STATUS: Final[Mapping[str, Any]] = {
    "status": [
        {
            "transactionid": TRANSID,
            "from": SENDER,
            "to": _NUMBER,
            "channel": "SMS",
            "status": "sent",
            "last_updated": "Sun, 22 Nov 2026 10:00:01 UTC",
            "error_code": None,
        }
    ],
    **_REFUSED,
}
PROFILE_STATUS: Final[Mapping[str, Any]] = {
    "partial": {
        "TotalCount": 1,
        "SuccessCount": 0,
        "FailureCount": 1,
        "code": "1002",
        "description": "Partial success",
        "Results": [
            {"customerId": "8955", "code": "7015", "description": "customer already exists"}
        ],
        "transid": TRANSID,
    }
}

#: What is answered to what the platform has no words for, or of which it has no answer.
REFUSALS: Final[Mapping[HTTPStatus, Mapping[str, Any]]] = {
    HTTPStatus.BAD_REQUEST: {
        "longName": _refused(
            "7004", "Invalid parameters/values: Idempotency-Key must have at most 200 characters"
        )
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
        "tooLarge": _refused(
            "7022", "JSON size exceeds the limit: the body is larger than 4194304 bytes"
        )
    },
    HTTPStatus.UNPROCESSABLE_ENTITY: {
        "another": _refused(
            "7004", "Invalid parameters/values: this Idempotency-Key stands for another request"
        )
    },
}


def failures(internal: str) -> Mapping[HTTPStatus, Mapping[str, Any]]:
    """Return what is answered in the platform's place, with its code of trouble."""

    def said(detail: str) -> Mapping[str, Any]:
        return _refused(internal, f"Internal error occurred: {detail}")

    return {
        HTTPStatus.BAD_GATEWAY: {
            "unreachable": said("the platform gave no answer (no answer: ConnectionRefusedError)")
        },
        HTTPStatus.SERVICE_UNAVAILABLE: {"busy": said("too many calls are under way")},
        HTTPStatus.GATEWAY_TIMEOUT: {
            "late": said("the platform gave no answer (no answer: TimeoutError)")
        },
    }
