"""Bodies as bytes: what is no JSON, what is too much of it, encodings, slices."""

import json
import time
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Notice, Receipt
from receiver.platform.bodies import parse
from receiver.platform.recognise import recognise
from tests.platform.bodies import as_bytes, make_receipt, notice_of, only, receipt_of, refusal_of


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "line 1 column 1: expected a value"),
        (b"  \n ", "line 2 column 2: expected a value"),
        (b"hello", "line 1 column 1: expected a value"),
        (b'{"a": 1', "line 1 column 8: expected ','"),
        (b'{"a" 1}', "line 1 column 6: expected ':'"),
        (b'{"a": 1} x', "line 1 column 10: expected the end"),
        (b"[{}\n{}]", "line 2 column 1: expected ','"),
        (b"[{}] x", "line 1 column 6: expected the end"),
        (b"[{},]", "line 1 column 5: expected a value"),
        (b"[", "line 1 column 2: expected a value"),
        (b'{"secret": "s', "line 1 column 12: unterminated string"),
    ],
)
def test_broken_json_says_where(raw: bytes, message: str) -> None:
    error = refusal_of(raw)

    assert (error.reason, str(error)) == ("not_json", message)


REFUSED: Final = object()
#: What JSON is made of, among it what decoders differ about.
PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ",", ":", '"a"', '"a":', '"b":', "null", "true", " ", "\n", "\x0c"),
        *("0", "-0", "01", "1.0", "1e2", "1e400", "NaN", "-Infinity", "\ufeff", "\u2028", "\0"),
        *("9" * 15, "9" * 16, "-" + "9" * 14, "-" + "9" * 15, '"\\u0000"', '"\\ud800"', '"\x01"'),
        *('"\\ud83d\\ude00"', '"\udc80"', '"\\x"', '"\\/"', '"é"', "[[[[[[", "]]]]]]"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20))
def test_plain_bodies_read_as_those_that_need_patience(text: str) -> None:
    items = read(f"[1.5,{text}]")  # a fraction isn't plain

    of_one = items[1:] if isinstance(items, list) and len(items) == 2 else None
    assert repr(of_one) == repr(None if read(text) is REFUSED else [read(text)])


def read(text: str) -> Any:
    """Return the value of a body, or that it was refused."""
    try:
        return parse(text)
    except PayloadError:
        return REFUSED


@pytest.mark.parametrize("raw", [b"7", b'"text"', b"null", b"true", b"[]", b" [ ] ", b"NaN"])
def test_neither_object_nor_filled_array_is_unrecognised(raw: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        recognise(raw)

    assert caught.value.reason == "unrecognised"


def test_thousand_elements_are_taken_and_no_more() -> None:
    assert len(recognise(as_bytes([make_receipt()] * 1000)).elements) == 1000
    assert refusal_of(as_bytes([{}] * 1001)).reason == "unrecognised"


def test_each_element_has_its_own_bytes() -> None:
    one, two = b'{"transid": "\xc3\xa9\xff"}', b'{ "hello":1 }'
    raw = b" [" + one + b" ,\n" + two + b", 7] "

    found = recognise(raw)

    assert found.is_array
    assert [element.raw for element in found.elements] == [one, two, b"7"]
    assert [element.index for element in found.elements] == [0, 1, 2]
    assert [type(element.body) for element in found.elements] == [
        Notice,
        PayloadError,
        PayloadError,
    ]


def test_lone_object_keeps_the_whole_body() -> None:
    raw = b"\xef\xbb\xbf " + as_bytes(make_receipt()) + b"\n"

    assert only(raw).raw == raw


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_shows_itself(codec: str) -> None:
    text = json.dumps([make_receipt(Description="é€𝄞"), 1], ensure_ascii=False)

    found = recognise(text.encode(codec))

    first = found.elements[0]
    assert isinstance(first.body, Receipt)
    assert first.body.description == "é€𝄞"
    assert first.raw in text.encode(codec)


@pytest.mark.parametrize("charset", ["iso-8859-1", "latin-1", '"Windows-1252"', "ISO8859-15"])
def test_known_charset_is_believed(charset: str) -> None:
    text = json.dumps(make_receipt(Description="é"), ensure_ascii=False)

    assert receipt_of(text.encode("latin-1"), charset=charset).description == "é"


@pytest.mark.parametrize("charset", ["utf-8", "nonsense", "", "\0", "punycode", "base64", "idna"])
def test_other_charset_is_ignored(charset: str) -> None:
    text = json.dumps(make_receipt(Description="é"), ensure_ascii=False)

    assert receipt_of(text.encode(), charset=charset).description == "é"


@pytest.mark.parametrize("raw", [b"\xff\xfe{", b"\0\0\0{", b"\0", b"\xff\xfe\0\0\xff\xff\xff\xff"])
def test_broken_wide_characters_are_no_json(raw: bytes) -> None:
    assert refusal_of(raw).reason == "not_json"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * 1_000_000, id="arrays"),
        pytest.param(b'{"a":' * 1_000_000, id="objects"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="closed"),
        pytest.param(b'{"transid":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="inside"),
    ],
)
def test_deep_nesting_is_refused(raw: bytes) -> None:
    assert refusal_of(raw).reason == "unrecognised"


@pytest.mark.parametrize("depth", [7, 100, 900])
def test_nesting_that_parses_is_cut_in_details(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth

    body = only(b'{"transid":"t","x":' + nested + b',"attachments":' + nested + b"}").body

    assert isinstance(body, Notice)
    assert str(body.details).count("[") <= 8


def test_object_with_a_thousand_keys_too_many_is_unrecognised() -> None:
    said = make_receipt() | {f"k{number}": number for number in range(1000)}

    assert refusal_of(as_bytes(said)).reason == "unrecognised"


def test_deep_nesting_in_a_string_stays_text() -> None:
    fact = notice_of(
        {"channel": "x", "tid": "t", "location": "[" * 5_000, "attachments": "[" * 5_000}
    )

    assert fact.details["location"].startswith("[[[")


@pytest.mark.parametrize("number", ["9" * 10_000, "1e999999", "-1e999", "NaN", "-Infinity"])
def test_numbers_out_of_range_stay_texts(number: str) -> None:
    fact = only(f'{{"transid":"t","n":{number}}}'.encode()).body

    assert isinstance(fact, Notice)
    assert str(fact.details["n"]) == number[:2_048] or fact.details["n"] == number


def test_large_bodies_take_linear_time() -> None:
    content = "A" * (24 << 20)
    attached = [{"name": "a", "content": content}]
    said = {"channel": "email", "tid": "t", "attachments": attached, "message": "m" * (8 << 20)}
    raw = as_bytes([said])

    started = time.perf_counter()
    found = recognise(raw)
    elapsed_seconds = time.perf_counter() - started

    fact = found.elements[0].body
    assert isinstance(fact, Notice)
    assert fact.attachments == ({"name": "a", "bytes": 18 << 20},)
    assert elapsed_seconds < 5
