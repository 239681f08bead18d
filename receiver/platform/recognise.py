"""What a body is: JSON, one notification or an array of them, and of each its kind.

Source: CONTRACT.md 9.18 to 9.20 (how to tell them apart).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final

from msgspec import Struct

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Kind, Notice, Receipt
from receiver.platform.bodies import Text, parse, split, starts_array
from receiver.platform.channels import channel_of, sender_key
from receiver.platform.keys import MOST_KEYS, fold, fold_key, fold_keys
from receiver.platform.notices import MESSAGE_IDS, is_profile, parse_notice
from receiver.platform.receipts import ENVELOPE, parse_receipt
from receiver.platform.storable import text_of

MOST_ELEMENTS: Final = 1000

#: Folded `event` values of a plain message; e-mail and SMS without any event are messages too.
_MESSAGE_EVENTS: Final = frozenset({"", "mo", "inboundmessage"})
_SAID: Final = ("message", "textmessage", "attachments", "attachment")
_SENDS: Final = ("transid", "correlationid")


class Element(Struct, frozen=True):
    """One notification of a body."""

    index: int
    """Its place in the array; 0 for a lone object."""
    raw: bytes
    """Its own slice of the bytes as they came; of a lone object all of them."""
    body: Receipt | Notice | PayloadError
    """An error as a value: this element belongs into quarantine."""


class Recognised(Struct, frozen=True):
    """What a body holds, in its order."""

    elements: Sequence[Element]
    is_array: bool


def recognise(raw: bytes, *, charset: str = "", zone: tzinfo = UTC) -> Recognised:
    """Return the notifications of a body, as received but unzipped.

    `charset` is the Content-Type's, `zone` is assumed for times that name none.
    Raises: PayloadError for what is no JSON, neither object nor array, or an array of no or of
    more than 1000 elements.
    """
    text = Text.of(raw, charset)
    if starts_array(text.characters):
        return Recognised(_elements(text, zone), is_array=True)
    value = parse(text.characters)
    if not isinstance(value, dict):
        raise PayloadError("unrecognised", "the body is neither an object nor an array")
    return Recognised((Element(0, raw, _body(value, zone)),), is_array=False)


def recognise_element(raw: bytes, *, charset: str = "", zone: tzinfo = UTC) -> Element:
    """Return the notification whose own slice of an array is `raw`. Raises: PayloadError."""
    return Element(0, raw, _body(parse(Text.of(raw, charset).characters), zone))


def _elements(text: Text, zone: tzinfo) -> Sequence[Element]:
    elements: list[Element] = []
    for index, (value, start, end) in enumerate(split(text.characters)):
        if index == MOST_ELEMENTS:
            raise PayloadError("unrecognised", f"the array has more than {MOST_ELEMENTS} elements")
        elements.append(Element(index, text.slice_bytes(start, end), _body(value, zone)))
    if not elements:
        raise PayloadError("unrecognised", "the array is empty")
    return elements


def _body(value: Any, zone: tzinfo) -> Receipt | Notice | PayloadError:
    if not isinstance(value, dict):
        return PayloadError("unrecognised", "the element is no object")
    try:
        return _notification(value, zone)
    except PayloadError as error:
        return error


def _notification(said: Mapping[str, Any], zone: tzinfo) -> Receipt | Notice:
    if len(said) > MOST_KEYS:
        raise PayloadError("unrecognised", f"the object has more than {MOST_KEYS} keys")
    if ENVELOPE in fold_keys(said).values():
        return parse_receipt(said, zone)
    for form in (said, _unwrapped(said)):
        kind = _kind_of(fold(form))
        if kind is not None:
            return parse_notice(kind, form, zone)
    raise PayloadError("unrecognised", "no kind of notification that we know")


def _kind_of(flat: Mapping[str, Any]) -> Kind | None:
    channel = channel_of(flat.get("channel"))
    event = fold_key(text_of(flat.get("event")))
    if event and "sessionid" in flat and channel in ("", "voice"):
        return Kind.CALL
    if event in _MESSAGE_EVENTS and _is_message(channel, flat):
        return Kind.MESSAGE
    if event and channel:
        return Kind.EVENT
    if is_profile(flat):
        return Kind.PROFILE
    return Kind.EVENT if any(text_of(flat.get(key)).strip() for key in _SENDS) else None


def _is_message(channel: str, flat: Mapping[str, Any]) -> bool:
    """Tell whether a notification without another event is what a customer wrote."""
    if flat.get("direction") == "outbound":  # the status APIs' answers have a channel too
        return False
    if "oa" in flat and "da" in flat:
        return "message" in flat or "tid" in flat
    if any(key in flat for key in MESSAGE_IDS):
        return bool(channel or "event" in flat)
    is_said = any(key in flat for key in _SAID)  # better in the ledger without an id than not
    return bool(channel and is_said and sender_key(channel, flat))


def _unwrapped(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer of the platform's APIs, which may come as a notification, without envelope.

    Source: CONTRACT.md 5 to 7: `response` holds an object or an array.
    """
    key = next((key for key in said if fold_key(key) == "response"), None)
    if key is None:
        return said
    entries = said[key] if isinstance(said[key], list) else [said[key]]
    first = next((entry for entry in entries if isinstance(entry, dict)), None)
    if first is None:
        return said
    rest = {name: value for name, value in said.items() if name != key or len(entries) > 1}
    return {**rest, **first}
