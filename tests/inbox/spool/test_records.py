"""Facts come back from bytes as they were, and versions of the code understand each other."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import SpoolError
from receiver.domain.facts import Fact, Kind, Notice
from receiver.inbox.spool import decode, encode
from receiver.inbox.spool.records import VERSION
from tests.inbox.spool.spools import FACTS
from tests.making import make_fact, make_receipt

Rewrite = dict[str, Any]


@given(facts=st.lists(FACTS, max_size=3))
def test_every_fact_comes_back_as_it_was(facts: Sequence[Fact]) -> None:
    back = list(decode(encode(facts)))

    assert back == facts
    assert repr(back) == repr(facts)  # tuples as tuples, true as true


def test_numbers_of_any_size_come_back() -> None:
    details = {"big": 10**30, "small": -(10**30), "list": [1 << 64, {"deep": 1 << 80}], "one": 1}
    (back,) = decode(encode([make_fact(Notice(kind=Kind.EVENT, details=details))]))  # type: ignore[arg-type]

    assert isinstance(back.body, Notice)
    assert back.body.details == details


def rewritten(fact: Fact, change: Rewrite, body: Rewrite, missing: Sequence[str] = ()) -> bytes:
    """The bytes as another version of the code would write them."""
    (stored,) = msgspec.msgpack.decode(encode([fact])[1:])
    stored |= change
    stored["receipt"] |= body
    for name in missing:
        del stored["receipt"][name]
    return bytes([VERSION]) + msgspec.msgpack.encode([stored])


def test_a_later_version_s_fields_are_passed_over_and_missing_ones_have_their_default() -> None:
    fact = make_fact(make_receipt("t-1", "Delivered", carrier=""))
    content = rewritten(fact, {"weight": 7}, {"colour": {"deep": [1]}}, ["carrier", "segments"])

    assert decode(content) == [fact]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x90", id="another-format"),
        pytest.param(bytes([VERSION]) + b"\xc1", id="no-messagepack"),
        pytest.param(
            rewritten(make_fact(make_receipt("t", "Read")), {"source": "telepathy"}, {}),
            id="a-word-we-don't-know",
        ),
    ],
)
def test_what_this_version_can_t_read_is_refused(content: bytes) -> None:
    with pytest.raises(SpoolError, match="this version"):
        decode(content)


def test_a_kind_of_fact_that_we_don_t_know_is_refused() -> None:
    (stored,) = msgspec.msgpack.decode(encode([make_fact(make_receipt("t", "Read"))])[1:])
    stored["telegram"] = stored.pop("receipt")

    with pytest.raises(SpoolError, match="this version"):
        decode(bytes([VERSION]) + msgspec.msgpack.encode([stored]))


def test_what_can_t_be_written_is_refused() -> None:
    with pytest.raises(SpoolError):
        encode([make_fact(make_receipt("t-1", "\ud800"), raw=b"x")])
