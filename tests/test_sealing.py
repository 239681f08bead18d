"""Sealing: what we seal we can open, and nobody else, for as long as its key is there."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import SealedError, SetupError
from receiver.sealing import FILE, Sealer

KEYS = [bytes([n]) * 32 for n in range(3)]


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_sealed_opens(plain: bytes, context: bytes) -> None:
    sealed = Sealer(KEYS[:1]).seal(plain, context=context)

    assert Sealer(KEYS[:1]).open(sealed, context=context) == plain
    assert len(sealed) == len(plain) + 32


def test_the_same_twice_looks_different_and_shows_nothing() -> None:
    sealer = Sealer(KEYS)
    first, second = (sealer.seal(b"447700900123", context=b"") for _ in range(2))

    assert first != second
    assert b"447700900123" not in first + second


@given(st.data())
def test_one_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(Sealer(KEYS[:1]).seal(b"some text", context=b"a"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SealedError):
        Sealer(KEYS[:1]).open(bytes(sealed), context=b"a")


@pytest.mark.parametrize("cut", [0, 3, 4, 15, 31])
def test_a_cut_one_is_an_error(cut: int) -> None:
    sealed = Sealer(KEYS).seal(b"", context=b"a")[:cut]

    with pytest.raises(SealedError):
        Sealer(KEYS).open(sealed, context=b"a")


def test_another_context_does_not_open_it() -> None:
    with pytest.raises(SealedError):
        Sealer(KEYS).open(Sealer(KEYS).seal(b"x", context=b"a"), context=b"b")


def test_a_retired_key_still_opens_what_it_sealed() -> None:
    sealed = Sealer(KEYS[:1]).seal(b"x", context=b"a")

    assert Sealer([KEYS[1], KEYS[0]]).open(sealed, context=b"a") == b"x"
    with pytest.raises(SealedError):
        Sealer([KEYS[1]]).open(sealed, context=b"a")


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealers = list(pool.map(lambda _: Sealer.of((), tmp_path / "var"), range(16)))

    sealed = sealers[0].seal(b"x", context=b"a")
    assert all(each.open(sealed, context=b"a") == b"x" for each in sealers)
    assert stat.S_IMODE((tmp_path / "var" / FILE).stat().st_mode) == 0o600
    assert [each.name for each in (tmp_path / "var").iterdir()] == [FILE]


def test_keys_of_the_environment_need_no_file(tmp_path: Path) -> None:
    Sealer.of([base64.b64encode(KEYS[0]).decode()], tmp_path)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "x", "YWJj\n"])
def test_a_file_without_keys_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)

    with pytest.raises(SetupError, match=FILE):
        Sealer.of((), tmp_path)


def test_only_its_key_makes_a_fingerprint_again() -> None:
    old, new = Sealer(KEYS[:1]), Sealer([KEYS[1], KEYS[0]])
    (made,) = old.fingerprints(b"447700900123")

    assert made in new.fingerprints(b"447700900123")
    assert made not in new.fingerprints(b"447700900124")
    assert made not in Sealer(KEYS[1:]).fingerprints(b"447700900123")
    assert (new.knows(made), Sealer(KEYS[1:]).knows(made)) == (True, False)


def test_no_key_is_made_only_to_be_known(tmp_path: Path) -> None:
    assert Sealer.known((), tmp_path) is None
    made = Sealer.of((), tmp_path)
    known = Sealer.known((), tmp_path)

    assert known is not None
    assert known.fingerprints(b"") == made.fingerprints(b"")
