"""What arrived, as JSON."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from receiver.domain.status import status_of
from receiver.platform.codes import text_of as code_text
from receiver.platform.keys import fold
from receiver.platform.storable import text_of
from receiver.web.shown_sends import Codes, Json, point_item
from receiver.web.times import utc, utc_or_none
from receiver.web.veil import Clear


def notice_item(row: Row[Any], codes: Codes, veil: Clear) -> Json:
    """Return a message, an event or a call."""
    return {
        "id": str(row.id),
        "tid": row.tid,
        **_stamps(row, codes),
        "channel": row.channel,
        "kind": row.kind,
        "name": row.name,
        "from": veil.address(row.sender),
        "to": veil.remark(row.recipient),
        "text": veil.words(row.text),
        "subject": veil.words(row.subject),
        "attachments": veil.structure(row.attachments),
        "details": veil.structure(row.details),
        "quoted": veil.remark(row.quoted),
        "transid": row.transid or None,
        "correlationid": row.correlationid,
    }


def profile_item(row: Row[Any], codes: Codes, veil: Clear) -> Json:
    """Return what became of profiles."""
    told = fold(row.details)
    results = told.get("results")
    records = [fold(each) for each in results if isinstance(each, Mapping)] if results else []
    return {
        "id": str(row.id),
        **_stamps(row, codes),
        "channel": row.channel,
        "correlationid": row.correlationid,
        "transid": row.transid,
        "appid": row.recipient,
        "code": text_of(told.get("code")),
        "description": veil.remark(text_of(told.get("description"))),
        "success": _count(told.get("successcount")),
        "failure": _count(told.get("failurecount")),
        "results": [
            {
                "customerid": veil.address(text_of(record.get("customerid"))),
                "code": text_of(record.get("code")),
                "description": veil.remark(text_of(record.get("description"))),
            }
            for record in records
        ],
    }


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def receipt_item(row: Row[Any], codes: Codes, veil: Clear) -> Json:
    """Return a receipt. `alias` is its transid as it came, where it is kept under another."""
    status = status_of(row.channel, row.raw_status)
    return {
        "id": str(row.id),
        "transid": row.transid,
        "alias": row.alias or None,
        "source": row.source,
        **_stamps(row, codes),
        "channel": row.channel,
        "destination": veil.address(row.destination),
        "destination_type": row.destination_type,
        "status": status.name,
        "outcome": status.outcome.value,
        "raw_status": row.raw_status,
        "code": row.code,
        "code_text": code_text(row.channel, row.code),
        "description": veil.remark(row.description),
        "additional_info": veil.remark(row.additional_info),
        "carrier": row.carrier or None,
        "segments": row.segments,
        "correlationid": row.correlationid,
        "callback_data": veil.words(row.callback_data),
    }


def _stamps(row: Row[Any], codes: Codes) -> Json:
    return {
        "accepted_at": utc(row.accepted_at),
        "provider_at": utc_or_none(row.provider_at),
        "provider_at_raw": row.provider_at_raw,
        "zone_assumed": row.zone_assumed,
        "point": point_item(row.point_id, codes),
    }
