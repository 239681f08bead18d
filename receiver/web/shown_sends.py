"""Sends, deliveries and replies as JSON."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, RowMapping

from receiver.domain.status import BY_RANK, UNKNOWN, Outcome
from receiver.platform.codes import text_of
from receiver.store.replies import Reply
from receiver.store.sends import shown_transid
from receiver.store.tables import DeliveryRow, SendRow
from receiver.web.times import utc, utc_or_none
from receiver.web.veil import Clear

Json = dict[str, Any]
#: The codes of points by their ids.
Codes = Mapping[UUID, str]
Counts = Mapping[Outcome, int]
_MILLISECOND: Final = timedelta(milliseconds=1)


def send_item(row: Row[Any] | SendRow, counts: Counts, codes: Codes) -> Json:
    """Return a send as lists show it."""
    return {
        "id": str(row.registration or row.id),
        "transid": shown_transid(row.transid),
        "correlationid": row.correlationid,
        "point": point_item(row.point_id, codes),
        "channel": row.channel,
        "sender": row.sender,
        "tag": row.tag,
        "state": row.state,
        "recorded": row.recorded,
        "requested_at": utc_or_none(row.requested_at),
        "accepted_at": utc_or_none(row.accepted_at),
        "summary": _summary(counts),
    }


def send_whole(row: SendRow, counts: Counts, codes: Codes, veil: Clear) -> Json:
    """Return a send with all that is recorded of it, yet without what happened to it."""
    item = send_item(row, counts, codes)
    names = {name: item.pop(name) for name in ("id", "transid")}
    summary = item.pop("summary")
    return {
        **names,
        "aliases": list(row.aliases),
        **item,
        "text": veil.words(row.text),
        "callback_data": veil.words(row.callback_data),
        "metadata": veil.structure(row.metadata_),
        "answer": _answer(row, veil),
        "expires_at": utc_or_none(row.expires_at),
        "notify_url": veil.words(row.notify_url),
        "reports_elsewhere": row.reports_elsewhere,
        "summary": summary,
    }


def listed_delivery(row: Row[Any], codes: Codes, veil: Clear) -> Json:
    """Return a delivery as lists show it: with what says of which send it is."""
    delivery: DeliveryRow = row.DeliveryRow
    item = delivery_item(delivery, row, veil)
    return {
        "id": str(delivery.seq),
        "send_id": str(row.registration or row.id),
        "transid": shown_transid(delivery.transid),
        **item,
        "correlationid": delivery.correlationid or row.correlationid,
        "point": point_item(row.point_id, codes),
        "channel": row.channel,
        "sender": row.sender,
        "tag": row.tag,
        "recorded": row.recorded,
        "requested_at": utc_or_none(row.requested_at),
        "known_at": utc(delivery.known_at),
    }


def delivery_item(row: DeliveryRow, send: Row[Any] | SendRow, veil: Clear) -> Json:
    """Return what became of a send at one destination."""
    status = BY_RANK.get(row.rank, UNKNOWN)
    return {
        "destination": veil.address(row.destination),
        "destination_type": row.destination_type,
        "correlationid": row.correlationid,
        "status": status.name,
        "outcome": status.outcome.value,
        "raw_status": row.raw_status,
        "also": row.also or None,
        "code": row.code,
        "code_text": text_of(send.channel, row.code),
        "description": veil.remark(row.description),
        "additional_info": veil.remark(row.additional_info),
        "carrier": row.carrier or None,
        "segments": row.segments,
        "provider_at": utc_or_none(row.provider_at),
        "provider_at_raw": row.provider_at_raw,
        "zone_assumed": row.zone_assumed,
        "first_receipt_at": utc_or_none(row.first_receipt_at),
        "status_at": utc(row.provider_at or row.decided_at) if row.reported else None,
        "latency_ms": _latency_ms(row, send),
        "overdue": row.overdue,
        "conflict": row.reached and row.missed,
    }


def reply_item(reply: Reply, veil: Clear) -> Json:
    """Return an answer of a customer, with how sure it is that it is one to this send."""
    return {
        "tid": reply.row["tid"],
        "accepted_at": utc(reply.row["accepted_at"]),
        "from": veil.address(reply.row["sender"]),
        "text": veil.words(reply.row["text"]),
        "method": reply.method,
        "confidence": reply.confidence,
    }


def question_item(row: RowMapping) -> Json:
    """Return what the platform was asked about a send, and what came of it."""
    return {
        "asked_at": utc(row["asked_at"]),
        "asked_as": row["asked_as"],
        "finding": row["finding"],
        "http": row["http"],
        "code": row["code"],
    }


def point_item(id_: UUID | None, codes: Codes) -> Json | None:
    """Return an integration point as others refer to it."""
    return {"id": str(id_), "code": codes.get(id_)} if id_ else None


def _answer(row: SendRow, veil: Clear) -> Json | None:
    """Return what the platform said to the request, None where nobody recorded that."""
    if row.answer_http is None and not row.answer_code and row.answer_at is None:
        return None
    return {
        "http": row.answer_http,
        "code": row.answer_code,
        "description": veil.remark(row.answer_description),
        "at": utc_or_none(row.answer_at),
    }


def _summary(counts: Counts) -> dict[str, int]:
    named = {outcome.value: counts.get(outcome, 0) for outcome in Outcome}
    return {"deliveries": sum(named.values()), **named}


def _latency_ms(row: DeliveryRow, send: Row[Any] | SendRow) -> int | None:
    if row.arrived_at is None or send.requested_at is None:
        return None
    return (row.arrived_at - send.requested_at) // _MILLISECOND
