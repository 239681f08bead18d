"""Facts as rows and back. A batch travels as JSON arrays of rows and one bytea of raw bodies."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from receiver.domain.deliveries import Delivery
from receiver.domain.facts import (
    Answer,
    Body,
    Destination,
    Fact,
    Kind,
    Notice,
    Origin,
    Quarantined,
    Receipt,
    Send,
    Source,
    State,
)
from receiver.domain.identity import base_of, destination_key, transid_of, type_of
from receiver.domain.ledger import Family
from receiver.domain.sends import RecordedSend, ReportedSend, send_id, stored_transid
from receiver.domain.status import status_of

Row = dict[str, Any]


_RECEIPT: Final = Receipt.__struct_fields__
_NOTICE: Final = Notice.__struct_fields__
_QUARANTINED: Final = Quarantined.__struct_fields__
_SEND: Final = frozenset(Send.__struct_fields__)
REPORTED: Final = ReportedSend.__struct_fields__
_ENCODER: Final = msgspec.json.Encoder()
_UTC_TIMES: Final = ("requested_at", "expires_at")


def day_of(fact: Fact) -> date:
    """Return the UTC day by which a fact is partitioned."""
    return fact.accepted_at.astimezone(UTC).date()


def stamps_of(fact: Fact) -> Row:
    """Return the columns that every arrived fact has, but for its raw body."""
    return {
        "day": day_of(fact),
        "digest": _hex(fact.digest),
        "accepted_at": fact.accepted_at,
        "id": fact.id,
        "domain": fact.domain,
        "point_id": fact.point_id,
        "source": fact.source,
    }


def receipt_row(fact: Fact, receipt: Receipt) -> Row:
    """Return a row of `receipts`: kept under `<uuid>` where the platform said `<uuid>_0`.

    With it comes what its send and its delivery are known by, and the rank of what it says.
    """
    row = stamps_of(fact) | asdict(receipt)
    row["transid"] = transid = transid_of(receipt.transid)
    row["send_id"] = send_id(fact.domain, transid)
    if (base := base_of(transid)) != transid:
        row["base_id"] = send_id(fact.domain, base)
    row["alias"] = receipt.transid if receipt.transid != transid else ""
    row["destination_key"] = destination_key(receipt.destination)
    row["address_type"] = type_of(receipt.destination_type, receipt.destination)
    row["rank"] = status_of(receipt.channel, receipt.raw_status).rank
    return row


def notice_row(fact: Fact, notice: Notice) -> Row:
    """Return a row of `messages` or `platform_events`."""
    row = stamps_of(fact) | asdict(notice)
    row["sender_key"] = destination_key(notice.sender)
    row["recipient_key"] = destination_key(notice.recipient)
    row["transid"] = transid_of(notice.transid)
    return row


def quarantine_row(fact: Fact, body: Quarantined) -> Row:
    """Return a row of `quarantine`."""
    return stamps_of(fact) | asdict(body) | {"sha256": _hex(sha256(fact.raw).digest())}


def recording_row(fact: Fact, send: Send, transid: str) -> Row:
    """Return a row of `recordings`, kept under `transid`."""
    row = stamps_of(fact)
    del row["day"]
    body = asdict(send)
    body["destinations"] = [asdict(each) for each in send.destinations]
    body["answer"] = asdict(send.answer) if send.answer else None
    return row | {"transid": transid, "registration": send.registration, "body": body}


def delivery_row(delivery: Delivery, send_seq: int) -> Row:
    """Return a row of `deliveries`, of the send with that `seq`."""
    row = asdict(delivery) | {"send_seq": send_seq}
    row["decided_digest"] = _hex(delivery.decided_digest)
    row["also_digest"] = _hex(delivery.also_digest)
    return row


def reported_row(domain: str, transid: str, reported: ReportedSend) -> Row:
    """Return what receipts say of a send, as a row of `sends`."""
    return {
        "domain": domain,
        "transid": transid,
        "base": base_of(transid),
        "id": send_id(domain, transid),
    } | asdict(reported)


def send_row(domain: str, transid: str, family: Family) -> Row:
    """Return a whole row of `sends`."""
    recorded = family.recorded.get(transid, RecordedSend())
    row = reported_row(domain, transid, family.reported.get(transid, ReportedSend()))
    row["family_recorded"] = row["base"] == transid and bool(family.recorded)
    return row | asdict(recorded)


def receipt_fact(row: Mapping[str, Any]) -> Fact:
    """Return the fact behind a row of `receipts`, with its raw body if the row has it."""
    body = Receipt(**{name: row[name] for name in _RECEIPT} | {"transid": reported_transid(row)})
    return _fact(row, body)


def reported_transid(row: Mapping[str, Any]) -> str:
    """Return the transid as the platform spelled it."""
    return str(row["alias"] or row["transid"])


def notice_fact(row: Mapping[str, Any]) -> Fact:
    """Return the fact behind a row of `messages` or `platform_events`."""
    told = {name: row[name] for name in _NOTICE}
    told |= {"kind": Kind(row["kind"]), "attachments": tuple(row["attachments"])}
    return _fact(row, Notice(**told))


def quarantine_fact(row: Mapping[str, Any]) -> Fact:
    """Return the fact behind a row of `quarantine`."""
    return _fact(row, Quarantined(**{name: row[name] for name in _QUARANTINED}))


def recording_fact(row: Mapping[str, Any]) -> Fact:
    """Return the fact behind a row of `recordings`, with its raw body if the row has it.

    A send that was registered before its transid was known comes back with it.
    """
    body = row["body"]
    answer = body["answer"]
    known = {name: value for name, value in body.items() if name in _SEND}  # a newer one has more
    send = Send(
        **known
        | {name: _time(body[name]) for name in _UTC_TIMES}
        | {
            "registration": row["registration"],
            "origin": Origin(body["origin"]),
            "state": State(body["state"]),
            "destinations": tuple(Destination(**each) for each in body["destinations"]),
            "answer": Answer(**answer | {"at": _time(answer["at"])}) if answer else None,
        }
    )
    return _fact(row, send if stored_transid(send) == row["transid"] else _completed(send, row))


def _completed(send: Send, row: Mapping[str, Any]) -> Send:
    return Send(**asdict(send) | {"transid": row["transid"]})


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _fact(row: Mapping[str, Any], body: Body) -> Fact:
    return Fact(
        id=row["id"],
        domain=row["domain"],
        point_id=row["point_id"],
        source=Source(row["source"]),
        accepted_at=row["accepted_at"],
        digest=row["digest"],
        raw=row.get("raw", b""),
        body=body,
    )


def dumps(rows: Iterable[Row]) -> str:
    """Return rows as one JSON array, in the spellings that Postgres reads into its types."""
    listed = list(rows)
    try:
        return _ENCODER.encode(listed).decode()
    except UnicodeEncodeError:  # half a character: Postgres is to refuse it, and it alone
        return json.dumps(listed, default=str)


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()


def with_raw(rows: Collection[tuple[Row, bytes]]) -> tuple[list[Row], bytes]:
    """Note in the rows where their raw bodies are in the bytes that travel beside; return both."""
    at = 1
    for row, raw in rows:
        row["raw_at"], row["raw_length"] = at, len(raw)
        at += len(raw)
    return [row for row, _ in rows], b"".join(raw for _, raw in rows)
