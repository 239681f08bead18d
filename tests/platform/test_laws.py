"""Whatever comes: facts that can be stored, or a PayloadError."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import asdict

from receiver.domain.errors import BadInputError, PayloadError
from receiver.domain.facts import Send
from receiver.platform.exchange import parse_exchange
from receiver.platform.recognise import Recognised, recognise

KEYS: Final = st.sampled_from(
    [
        *("deliveryInfoNotification", "deliveryInfo", "transid", "deliveryStatus", "destination"),
        *(
            "messageCount",
            "timeStamp",
            "channel",
            "Channel",
            "event",
            "tid",
            "sessionId",
            "oa",
            "da",
        ),
        *(
            "message",
            "attachments",
            "attachmentUrl",
            "content",
            "from",
            "to",
            "response",
            "postback",
        ),
        *("contextId", "relatedTid", "correlationId", "userId", "location", "\0", "\ud800"),
    ]
)
TEXTS: Final = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(["MO", "SMS", "mms", "email", "Email", "voice", "reply", "[a@b]", '{"a":[1]}']),
    st.sampled_from(['["\\u0000"]', '{"data":[{"content":"QQ=="}]}', "\0", "\udc80", "2015-01-01"]),
)
SCALARS: Final = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=6),
    max_leaves=25,
)


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string of a result, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings_in(key)
            yield from strings_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)
    elif isinstance(value, PayloadError):
        yield from strings_in([str(value), value.reason, value.fields])
    elif isinstance(value, Struct):
        yield from strings_in(list(asdict(value).values()))


def assert_storable(value: Any) -> None:
    for text in strings_in(value):
        assert "\0" not in text
        text.encode()


def recognised(raw: bytes, charset: str = "") -> Recognised | None:
    try:
        return recognise(raw, charset=charset)
    except PayloadError as error:
        reason = error.reason
    assert reason in {"not_json", "unrecognised"}
    return None


def assert_sound(raw: bytes, found: Recognised) -> None:
    for element in found.elements:
        assert_storable(element.body)
        moment = getattr(element.body, "provider_at", None)
        assert moment is None or isinstance(moment, datetime)
        json.dumps(getattr(element.body, "details", None), allow_nan=False)
        json.dumps(getattr(element.body, "attachments", None), allow_nan=False)
    at = 0
    for element in found.elements:
        start = raw.index(element.raw, at)
        assert not raw[at:start].strip(b" \t\r\n,[\xef\xbb\xbf\xff\xfe\0")
        at = start + len(element.raw)
    assert not raw[at:].strip(b" \t\r\n]\0")


@given(st.binary(max_size=200), st.sampled_from(["", "utf-8", "latin-1", "gb18030", "koi8-r"]))
def test_any_bytes_are_recognised_or_refused(raw: bytes, charset: str) -> None:
    found = recognised(raw, charset)

    if found is not None:
        assert_sound(raw, found)


@given(VALUES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]))
def test_any_json_is_recognised_or_refused(value: Any, codec: str) -> None:
    raw = json.dumps(value).encode(codec)

    found = recognised(raw)

    if found is not None:
        assert_sound(raw, found)


@given(st.lists(VALUES, min_size=1, max_size=5), st.binary(max_size=3))
def test_slices_of_an_array_are_its_very_bytes(values: list[Any], noise: bytes) -> None:
    slices = [json.dumps(value).encode() for value in values]
    slices.append(b'{"' + noise.translate(None, b'"\\') + b'": 1}')
    raw = b"[" + b" ,\n".join(slices) + b"]"

    assert [element.raw for element in recognise(raw).elements] == slices


@given(st.dictionaries(KEYS | TEXTS, VALUES, max_size=8))
def test_any_receipt_is_one_or_a_bad_field(envelope: dict[str, Any]) -> None:
    raw = json.dumps({"deliveryInfoNotification": envelope}).encode()

    (element,) = recognise(raw).elements

    assert not isinstance(element.body, PayloadError) or element.body.reason == "bad_field"
    assert_storable(element.body)


REQUEST_KEYS: Final = st.sampled_from(
    [
        *("destination", "to", "msisdn", "email", "correlationid", "channels", "OTT-Messaging"),
        *("sms", "wa", "deliverychannel", "channel", "message", "template", "content", "text"),
        *("response", "code", "transid", "messageId", "expiry", "callbackData", "from"),
    ]
)
REQUESTS: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(REQUEST_KEYS, inner, max_size=6),
    max_leaves=25,
)


@given(REQUESTS, REQUESTS, st.sampled_from([None, 200, 401, 503]))
def test_any_exchange_is_sends_or_bad_input(request: Any, response: Any, http: int | None) -> None:
    try:
        sends = parse_exchange(request, response, http=http)
    except BadInputError:
        return

    assert sends
    assert all(isinstance(send, Send) for send in sends)
    assert_storable(sends)
