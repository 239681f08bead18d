"""Finding a person: what is a spelling of a number or an address, and what is not."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.persons import Finder, Person

WHO = "447700900123"
FIND = Finder(
    {
        **dict.fromkeys(Person.known_by(WHO, [WHO], "GB").forms, "erased:x"),
        "jane@example.org": "erased:j",
        "customer-7": "erased:c",
        "j7": "erased:s",
    }.get
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("447700900123", "erased:x", id="digits"),
        pytest.param("+44 7700 900123", "erased:x", id="plus"),
        pytest.param("0044-7700.900123", "erased:x", id="zeros"),
        pytest.param("(+44) 7700 900 123", "erased:x", id="brackets"),
        pytest.param("ring 07700 900123 now", "ring erased:x now", id="at-home"),
        pytest.param("+44 (0)7700 900123, please", "erased:x, please", id="zero-in-brackets"),
        pytest.param("on 2026-07-20 447700900123 7", "on 2026-07-20 erased:x 7", id="among-digits"),
        pytest.param("+44\u00a07700\u2011900123", "erased:x", id="blanks-of-type"),
        pytest.param("tel:+447700900123", "tel:erased:x", id="scheme"),
        pytest.param("?n=%2B44%207700%20900123&m=1", "erased:x", id="url"),
        pytest.param("call &#43;44&nbsp;7700 900123", "erased:x", id="html"),
        pytest.param("<jane@example.org>, b@x.org", "<erased:j>, b@x.org", id="mail"),
        pytest.param("to JANE@example.org", "to erased:j.f000", id="capitals"),
        pytest.param("ask customer-7, please", "ask erased:c, please", id="word"),
        pytest.param("j7", "erased:s", id="short-and-whole"),
    ],
)
def test_a_person_is_found(text: str, left: str) -> None:
    assert FIND.scrub(text) == left
    assert FIND.holds(text.encode()) or text == "j7"
    assert FIND.holds(json.dumps({"a": [text]}).encode())


@pytest.mark.parametrize(
    "text",
    [
        "1447700900123",
        "4477009001234",
        "44770090012",
        "44 77, 00 900123",
        '{"a": "4477", "b": "00900123"}',
        "mary-jane@example.org",
        "customer-77",
        "j7 and more",
        "",
    ],
)
def test_somebody_else_is_not(text: str) -> None:
    assert FIND.scrub(text) == text
    assert not FIND.holds(text.encode())


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(gzip.compress(WHO.encode()), id="gzip"),
        pytest.param(gzip.compress(b"x" * 40_000) + gzip.compress(WHO.encode()), id="members"),
        pytest.param(gzip.compress(f"{WHO} and more".encode() * 99)[:-12], id="cut-off"),
        pytest.param(zlib.compress(f"{WHO} ".encode() * 9), id="deflate"),
        pytest.param(zlib.compress(f"{WHO} ".encode() * 9)[2:-4], id="bare-deflate"),
        pytest.param(f"+44 {WHO[2:]}".encode("utf-16"), id="utf-16"),
        pytest.param(f"+44 {WHO[2:]}".encode("utf-32-be"), id="utf-32"),
        pytest.param(b'{"a": "\\u0034' + WHO[1:].encode() + b'"}', id="escaped"),
        pytest.param(b'{"a": "{\\"b\\": \\"\\\\u002b' + WHO.encode() + b'\\"}"}', id="nested"),
        pytest.param(b'{"a":"j7"}', id="value"),
    ],
)
def test_a_body_that_holds_a_person_is_known(raw: bytes) -> None:
    assert FIND.holds(raw)


@given(st.text(), st.binary())
def test_no_text_and_no_body_is_a_fault(text: str, raw: bytes) -> None:
    clean = FIND.scrub(text)

    assert FIND.scrub(clean) == clean
    FIND.holds(raw)


def test_forms_of_a_number_without_a_region_are_only_those_with_its_country() -> None:
    assert list(Person.known_by(WHO, [WHO], "").forms) == [WHO, "4407700900123"]
    assert list(Person.known_by("j7", ["j7"], "GB").forms) == ["j7"]
