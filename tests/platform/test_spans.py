"""JSON changed in place: only the values that are meant, whatever the text looks like."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import PayloadError
from receiver.platform.spans import Document, with_member

URL = "https://hooks.example/hooks/0123456789abcdef"
NAME = "notifyurl"
BLANKS = st.text(" \t\r\n", max_size=2)
#: Spellings that a parser would not give back.
NUMBERS = st.sampled_from(["0", "-0", "1.50", "1e5", "1E+05", "-12.0e-3", "9" * 400, "0.1000"])
LETTERS = st.characters(exclude_characters='"\\', exclude_categories=["Cs", "Cc"])
ESCAPES = st.sampled_from([r"\n", r"\/", r"\u00e9", r"\ud83d\ude00", r"\ud800", r"\"", r"\\"])
STRINGS = st.lists(LETTERS | ESCAPES, max_size=6).map(lambda parts: f'"{"".join(parts)}"')
SCALARS = NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"])
NAMES = STRINGS | st.sampled_from([f'"{NAME}"', r'"\u006eotifyurl"', '"destination"'])


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(st.tuples(BLANKS, inner, BLANKS), max_size=3))
    return f"[{draw(BLANKS) if not parts else ''}{','.join(map(''.join, parts))}]"


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(st.tuples(BLANKS, NAMES, BLANKS, inner, BLANKS), max_size=4))
    members = [f"{a}{name}{b}:{b}{value}{c}" for a, name, b, value, c in parts]
    return f"{{{draw(BLANKS) if not members else ''}{','.join(members)}}}"


VALUES = st.recursive(SCALARS, lambda inner: arrays(inner) | objects(inner), max_leaves=8)
TEXTS = st.tuples(BLANKS, objects(VALUES) | arrays(objects(VALUES) | VALUES) | SCALARS, BLANKS)


def expected(value: Any) -> Any:
    """What `value` is with our URL in each of its objects."""
    if isinstance(value, list):
        return [{**one, NAME: URL} if isinstance(one, dict) else one for one in value]
    return {**value, NAME: URL} if isinstance(value, dict) else value


def read(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str)


def others(document: Document, *, had: Sequence[bool]) -> str:
    """All of the text but the values of our members, and but the members that were put in."""
    text = document.text
    for each, has_some in reversed(list(zip(document.objects, had, strict=True))):
        if has_some:
            for member in reversed(each.named(NAME)):
                text = text[: member.start] + text[member.end :]
        else:
            put_in = f'"{NAME}":{json.dumps(URL)}' + ("," if len(each.members) > 1 else "")
            assert text.startswith(put_in, each.start + 1)
            text = text[: each.start + 1] + text[each.start + 1 + len(put_in) :]
    return text


@given(parts=TEXTS)
def test_only_our_member_is_changed(parts: tuple[str, str, str]) -> None:
    before = Document.of("".join(parts).encode())

    after = Document.of(with_member(before, NAME, URL))

    assert read(after.text) == expected(read(before.text))
    had = [bool(each.named(NAME)) for each in before.objects]
    assert others(after, had=had) == others(before, had=[True] * len(had))


@given(parts=TEXTS)
def test_once_there_it_is_only_replaced(parts: tuple[str, str, str]) -> None:
    once = with_member(Document.of("".join(parts).encode()), NAME, "https://x.example/")

    assert with_member(Document.of(once), NAME, "https://x.example/") == once
    assert with_member(Document.of(once), NAME, URL) == with_member(
        Document.of("".join(parts).encode()), NAME, URL
    )


@given(
    text=st.text(max_size=30)
    | st.lists(SCALARS | st.sampled_from(list('[]{},:"')), max_size=8).map("".join)
)
def test_what_others_refuse_is_refused(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    try:
        theirs = json.loads(raw.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(PayloadError):
            Document.of(raw)
    else:
        assert (
            read(json.dumps(theirs)) == read(json.dumps(Document.of(raw).value))
            or "9" * 300 in text
        )


def test_a_document_knows_what_it_holds() -> None:
    document = Document.of(b'[ {"a": 1, "a": 2}, 3, {} ]')

    assert document.value == [{"a": 2}, 3, {}]
    assert [each.value for each in document.objects] == [{"a": 2}, {}]
    assert with_member(document, "n", "u") == b'[ {"n":"u","a": 1, "a": 2}, 3, {"n":"u"} ]'
