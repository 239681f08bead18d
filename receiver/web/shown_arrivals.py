"""What arrived, as JSON."""

from typing import Any

from sqlalchemy import Row

from receiver.domain.status import status_of
from receiver.platform.codes import text_of
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
        "code_text": text_of(row.channel, row.code),
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
