"""Delivery receipts: the envelope, its inner object and their many spellings, made flat and loaded.

Source: CONTRACT.md 2 (payload), 2.1 (inner fields), 2.2 (envelope), 9.18 (where the ids may be).
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Receipt
from receiver.domain.identity import type_of
from receiver.platform.bodies import embedded
from receiver.platform.compiled import compiled
from receiver.platform.fields import Address, Channel, Count, Key, Transaction, Verbatim
from receiver.platform.keys import fold
from receiver.platform.storable import LONG, text_of
from receiver.platform.times import parse_time

ENVELOPE: Final = "deliveryinfonotification"
_INNER: Final = "deliveryinfo"
#: What belongs to the envelope: asked there first, then inside (RTM Clicked), then beside it.
_ENVELOPED: Final = ("transid", "correlationid", "callbackdata", "carrier")
_TIMES: Final = ("timestamp", "ts", "datetime", "eventtime")

#: Folded keys to the paths under which the platform's pages know them.
_PATHS: Final[Mapping[str, str]] = {
    "transid": "deliveryInfoNotification.transid",
    "deliverystatus": "deliveryInfoNotification.deliveryInfo.deliveryStatus",
}


class ReceiptSchema(Schema):
    """A flat receipt under folded keys; what else the platform adds stays in the raw body."""

    class Meta:
        unknown = EXCLUDE

    transid = Transaction(required=True)
    raw_status = Verbatim(data_key="deliverystatus", required=True)
    destination = Address()
    destination_type = Verbatim(data_key="destinationtype")
    channel = Channel(data_key="deliverychannel")
    code = Verbatim()
    description = Verbatim(limit=LONG)
    additional_info = Verbatim(data_key="additionalinfo", limit=LONG)
    carrier = Verbatim()
    segments = Count(data_key="messagecount", load_default=None)
    correlationid = Key()
    callback_data = Verbatim(data_key="callbackdata", limit=LONG)
    provider_at = fields.Raw(load_default=None)
    provider_at_raw = Verbatim()
    zone_assumed = fields.Raw(load_default=False)

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Receipt:
        """Return the receipt; an old or missing destination type becomes today's."""
        loaded["destination_type"] = type_of(loaded["destination_type"], loaded["destination"])
        return Receipt(**loaded)


RECEIPTS: Final = ReceiptSchema()
#: A flat receipt under folded keys, its time understood, as one. Raises ValidationError.
load_receipt: Final[Callable[[Mapping[str, Any]], Receipt]] = compiled(RECEIPTS, RECEIPTS.make)


def parse_receipt(said: Mapping[str, Any], zone: tzinfo) -> Receipt:
    """Return the receipt that a notification with a delivery envelope is.

    Raises: PayloadError naming the fields without which it can't be one.
    """
    try:
        receipt = load_receipt(_flat(said, zone))
    except ValidationError as error:
        faults = {_PATHS.get(key, key): found for key, found in error.messages_dict.items()}
        raise PayloadError("bad_field", "the receipt lacks what it needs", fields=faults) from None
    return receipt


def _flat(said: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Return envelope and inner object as one, with the time understood."""
    beside = fold(said)
    envelope = fold(_object(beside.get(ENVELOPE), "deliveryInfoNotification"))
    inner = envelope.get(_INNER)
    path = "deliveryInfoNotification.deliveryInfo"
    flat = envelope | fold(_object(inner, path)) if inner is not None else dict(envelope)
    for key in _ENVELOPED:
        value = envelope.get(key) or flat.get(key) or beside.get(key)
        if value is not None:
            flat[key] = value
    said_at = next((text_of(flat[key]) for key in _TIMES if key in flat), "")
    flat["provider_at_raw"] = said_at
    flat["provider_at"], flat["zone_assumed"] = parse_time(said_at, zone)
    return flat


def _object(value: object, path: str) -> Mapping[str, Any]:
    """Return the object that `value` is, or holds as a string or as its only item."""
    if isinstance(value, str):
        value = embedded(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        return value
    fault = {path: ["is no object"]}
    raise PayloadError("bad_field", "the receipt lacks what it needs", fields=fault)
