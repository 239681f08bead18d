"""Bodies, and what is recognised in them."""

import json
from typing import Any

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Notice, Receipt
from receiver.platform.recognise import Element, recognise


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def only(raw: bytes, **options: Any) -> Element:
    (element,) = recognise(raw, **options).elements
    return element


def receipt_of(raw: bytes, **options: Any) -> Receipt:
    body = only(raw, **options).body
    assert isinstance(body, Receipt)
    return body


def notice_of(value: object) -> Notice:
    body = only(as_bytes(value)).body
    assert isinstance(body, Notice)
    return body


def refusal_of(raw: bytes, **options: Any) -> PayloadError:
    """Return the error of a body, raised or kept as its only element."""
    try:
        body = only(raw, **options).body
    except PayloadError as error:
        return error
    assert isinstance(body, PayloadError)
    return body


def make_receipt(envelope: dict[str, Any] | None = None, **inner: Any) -> dict[str, Any]:
    info = {"deliveryStatus": "Delivered", "destination": "440000000103"} | inner
    return {"deliveryInfoNotification": {"deliveryInfo": info, "transid": "t-1"} | (envelope or {})}
