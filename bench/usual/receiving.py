"""A notification as the rows that it is kept in."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from flask import abort, request
from marshmallow import ValidationError

from bench.usual.schemas import RECEIPTS

RANKS: Final[Mapping[str, int]] = {
    "Submitted": 20,
    "Failed": 40,
    "Un-Delivered": 42,
    "Delivered": 50,
    "Read": 60,
}


def receipt_of_request() -> dict[str, Any]:
    """Return the columns of the receipt that this request is; 400 where it is none."""
    raw = request.get_data()
    try:
        notification = RECEIPTS.loads(raw)["notification"]
    except (ValidationError, ValueError):
        abort(400)
    info = notification["delivery_info"]
    return {
        "id": uuid4(),
        "accepted_at": datetime.now(UTC),
        "digest": hashlib.sha256(raw).digest(),
        "raw": raw,
        "transid": notification["transid"],
        "destination": info["destination"],
        "destination_type": info["destination_type"],
        "channel": info["delivery_channel"],
        "status": info["delivery_status"],
        "code": info["code"],
        "description": info["description"],
        "additional_info": info["additional_info"],
        "carrier": notification["carrier"],
        "segments": info["message_count"],
        "correlationid": notification["correlationid"],
        "callback_data": notification["callback_data"],
        "provider_at": info["time_stamp"],
    }


def delivery_of(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the delivery as this receipt tells it."""
    shared = ("transid", "destination", "status", "code", "description", "provider_at")
    return {name: receipt[name] for name in shared} | {
        "rank": RANKS.get(receipt["status"], 0),
        "updated_at": receipt["accepted_at"],
    }
