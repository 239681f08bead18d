"""How a body is built, without what it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.platform.outlines import MOST_BYTES, MOST_CHARACTERS, outline


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(
            b'{"b": 1, "a": "x", "c": [true, null]}', "{a: text, b: number, c: [flag | null]}"
        ),
        pytest.param(b'[{"a": 1}, {"a": 2.5}, {"a": "x"}]', "[{a: number} | {a: text}]", id="ways"),
        pytest.param(b'{"447700900123": 1, "a@b.org": 1}', "{*: number}", id="private names"),
        pytest.param(
            b'{"44 77-00": 1, "Jane Doe": 1, "a\\u001b": 1}', "{*: number}", id="names that look so"
        ),
        pytest.param(
            b'{"a": {"a": {"a": {"a": {"a": {}}}}}}', "{a: {a: {a: {a: {a: {...}}}}}}", id="depth"
        ),
        pytest.param(b"[]", "[]", id="empty array"),
        pytest.param(b" \r\n", "empty", id="blank"),
        pytest.param(b'{"a": ', "broken object", id="cut object"),
        pytest.param(b"[1, ", "broken array", id="cut array"),
        pytest.param(b"[" * 50_000, "broken array", id="deep"),
        pytest.param(b"<xml/>", "markup", id="markup"),
        pytest.param(b"to=447700900123&state=sent", "form {state, to}", id="form"),
        pytest.param(b"Delivered!", "text", id="text"),
        pytest.param(b"\x01\x02\x00\xff", "binary", id="binary"),
        pytest.param(b"\xff\xfe\x00", "binary", id="half of UTF-16"),
        pytest.param(b" " * (MOST_BYTES + 1), "large", id="large"),
    ],
)
def test_a_body_shows_how_it_is_built(raw: bytes, shown: str) -> None:
    assert outline(raw) == shown


VALUES = st.recursive(
    st.text() | st.integers() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES)
def test_any_json_has_an_outline_that_can_be_kept(value: object) -> None:
    shown = outline(json.dumps(value).encode())

    assert 0 < len(shown) <= MOST_CHARACTERS
    assert "\0" not in shown
    assert shown.encode()


def test_many_names_are_cut() -> None:
    shown = outline(json.dumps({f"k{number}": number for number in range(100)}).encode())

    assert shown.endswith(", ...}")
