"""What the platform answers when it is asked for a transaction: statuses, as receipts.

Source: CONTRACT.md 5 (transaction status; its codes are not documented, so those of the messaging
API stand for them), 2.3 (its spellings), 2.5 (its times), 9.24 (success is not HTTP's).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from http import HTTPStatus
from typing import Any, Final

from marshmallow import ValidationError
from msgspec import Struct

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Receipt
from receiver.domain.identity import base_of
from receiver.domain.questions import Finding
from receiver.platform.bodies import Text, parse, split, starts_array
from receiver.platform.keys import MOST_KEYS, fold
from receiver.platform.receipts import load_receipt
from receiver.platform.storable import text_of
from receiver.platform.times import parse_time

MOST_STATUSES: Final = 1000

#: Of a receipt's fields, the folded keys that an answer may have them under, best first.
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "transid": ("transactionid", "transid", "messageid"),
    "deliverystatus": ("status", "deliverystatus"),
    "destination": ("to", "destination"),
    "destinationtype": ("totype", "destinationtype"),
    "deliverychannel": ("channel", "deliverychannel"),
    "code": ("errorcode",),
    "description": ("errormessage",),
    "correlationid": ("correlationid",),
}
#: When it became so. `date_created` is when the message was made, whatever became of it.
_TIMES: Final = ("lastupdated", "statustime")
_CODES: Final = ("code", "errorcode")
_CODE_CHARACTERS: Final = 20

_BY_HTTP: Final[Mapping[int, Finding]] = {
    HTTPStatus.BAD_REQUEST: Finding.UNKNOWN,  # there is but the transid to be at fault
    HTTPStatus.NOT_FOUND: Finding.UNKNOWN,
    HTTPStatus.GONE: Finding.UNKNOWN,
    HTTPStatus.UNPROCESSABLE_ENTITY: Finding.UNKNOWN,
    HTTPStatus.UNAUTHORIZED: Finding.REFUSED,
    HTTPStatus.FORBIDDEN: Finding.REFUSED,
    HTTPStatus.TOO_MANY_REQUESTS: Finding.BUSY,
}
#: The platform says so with any HTTP status.
_BY_CODE: Final[Mapping[str, Finding]] = {
    "7001": Finding.REFUSED,
    "7002": Finding.REFUSED,
    "7007": Finding.REFUSED,  # the service is inactive
    "7010": Finding.REFUSED,  # our address is not allowed
    "7020": Finding.BUSY,
    "7005": Finding.FAILED,
    "7006": Finding.FAILED,
    "7003": Finding.UNKNOWN,
    "7004": Finding.UNKNOWN,
    "7600": Finding.UNKNOWN,  # "no result found", where profiles are asked for
}


class Status(Struct, frozen=True):
    """One status of an answer."""

    raw: bytes
    """Its own slice of the bytes as they came."""
    receipt: Receipt


class Answered(Struct, frozen=True, kw_only=True):
    """What an answer comes to."""

    finding: Finding
    statuses: Sequence[Status] = ()
    code: str = ""
    """The platform's own, where it says why there is no status."""


def understand(http: int, raw: bytes, *, transid: str, zone: tzinfo = UTC) -> Answered:
    """Return what an answer with this HTTP status and body says of `transid`.

    `zone` is assumed for times that name none. Never raises: what can't be read is a finding too.
    """
    is_success = HTTPStatus.OK <= http < HTTPStatus.MULTIPLE_CHOICES
    otherwise = _BY_HTTP.get(http, Finding.FAILED)
    try:
        statuses, code = parse_statuses(raw, transid=transid, zone=zone)
    except PayloadError:
        return Answered(finding=Finding.UNREADABLE if is_success else otherwise)
    if is_success and statuses:
        return Answered(finding=Finding.TOLD, statuses=statuses)
    otherwise = Finding.NOTHING if is_success else otherwise
    return Answered(finding=_BY_CODE.get(code, otherwise), code=code)


def parse_statuses(raw: bytes, *, transid: str, zone: tzinfo) -> tuple[Sequence[Status], str]:
    """Return the statuses of an answer that speak of `transid`, and its code if it has none.

    Without `transid` those that name one themselves.

    Raises: PayloadError for what is no JSON, neither object nor array, or too long an array.
    """
    text = Text.of(raw)
    if starts_array(text.characters):
        found = _elements(text)
    else:
        value = parse(text.characters)
        if not isinstance(value, dict):
            raise PayloadError("unrecognised", "the answer is neither an object nor an array")
        found = [(value, raw)]
    statuses = [
        Status(own, receipt)
        for value, own in found
        if (receipt := _receipt(value, transid, zone)) is not None
    ]
    return statuses, "" if statuses else _code(found)


def _elements(text: Text) -> Sequence[tuple[Any, bytes]]:
    found: list[tuple[Any, bytes]] = []
    for value, start, end in split(text.characters):
        if len(found) == MOST_STATUSES:
            raise PayloadError("unrecognised", f"the array has more than {MOST_STATUSES} elements")
        found.append((value, text.slice_bytes(start, end)))
    return found


def _receipt(value: Any, transid: str, zone: tzinfo) -> Receipt | None:
    """Return the receipt that one element is; None for what tells no recipient's status.

    What speaks of another transaction than the one that was asked for is none of ours.
    """
    if not isinstance(value, dict) or len(value) > MOST_KEYS:
        return None
    said = fold(value)
    flat = {"transid": transid} | {
        name: said[key]
        for name, keys in _KEYS.items()
        if (key := next((key for key in keys if key in said), None)) is not None
    }
    at = next((text_of(said[key]) for key in _TIMES if key in said), "")
    flat["provider_at_raw"] = at
    flat["provider_at"], flat["zone_assumed"] = parse_time(at, zone)
    try:
        receipt = load_receipt(flat)
    except ValidationError:
        return None
    is_ours = not transid or base_of(receipt.transid) == base_of(transid)
    names_one = isinstance(flat.get("destination"), str | int) and receipt.destination.strip()
    return receipt if is_ours and names_one else None


def _code(found: Sequence[tuple[Any, bytes]]) -> str:
    """Return the code that an answer gives for itself: bare, or in an envelope `response`."""
    value = found[0][0] if found else None
    said = fold(value) if isinstance(value, dict) and len(value) <= MOST_KEYS else {}
    inner = said.get("response")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    if isinstance(inner, dict) and len(inner) <= MOST_KEYS:
        said = fold(inner)
    return next((text_of(said[key], _CODE_CHARACTERS) for key in _CODES if key in said), "")
