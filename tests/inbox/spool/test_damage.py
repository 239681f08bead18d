"""Whatever is torn or flipped loses its record only, and what was whole before it stays."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.domain.facts import Fact
from receiver.inbox.spool import disk
from receiver.inbox.spool.framing import HEADER_BYTES, MARKER, headers
from tests.inbox.spool.spools import make_facts, make_spool, put_each, read, waiting

RECORDS = 4
BLOCK = 16


@pytest.fixture(scope="module")
def facts() -> Sequence[Fact]:
    return make_facts(RECORDS)


@pytest.fixture(scope="module")
def whole(facts: Sequence[Fact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segment of one fact a record."""
    directory = tmp_path_factory.mktemp("spool")
    spool = make_spool(directory)
    put_each(spool, facts)
    spool.close()
    (path,) = waiting(directory)
    return path


def ends(path: Path) -> Sequence[int]:
    with path.open("rb") as file:
        return [end for end, _ in headers(file.fileno(), 0, path.stat().st_size)]


def rewritten(whole: Path, content: bytes) -> Path:
    path = whole.with_name(whole.name + ".test")
    path.write_bytes(content)
    return path


def test_a_whole_segment_gives_all_facts_in_order(whole: Path, facts: Sequence[Fact]) -> None:
    assert read(whole) == (facts, 0)
    assert len(ends(whole)) == RECORDS


def test_nothing_of_a_fact_can_be_read_on_disk(whole: Path, facts: Sequence[Fact]) -> None:
    content = whole.read_bytes()

    assert facts[0].raw not in content
    assert b"447700" not in content
    assert whole.stat().st_mode & 0o077 == 0


def test_a_tail_torn_at_any_byte_loses_no_earlier_record(
    whole: Path, facts: Sequence[Fact]
) -> None:
    borders = ends(whole)
    path = rewritten(whole, whole.read_bytes())
    for length in reversed(range(borders[-1])):
        os.truncate(path, length)
        left = sum(end <= length for end in borders)

        assert read(path) == (facts[:left], int(length not in {0, *borders})), length


def test_a_tail_of_zeros_at_any_byte_loses_no_earlier_record(
    whole: Path, facts: Sequence[Fact]
) -> None:
    content, borders = whole.read_bytes(), ends(whole)
    for length in range(0, len(content), 7):
        left = sum(end <= length for end in borders)
        path = rewritten(whole, content[:length] + bytes(len(content) - length))

        assert read(path)[0] == facts[:left], length
        assert read(path)[1] in {1, 2}, length  # of a record without its payload, header and rest


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_loses_its_record_only(
    whole: Path, facts: Sequence[Fact], data: st.DataObject
) -> None:
    content, borders = bytearray(whole.read_bytes()), ends(whole)
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    hit = next(number for number, end in enumerate(borders) if at < end)

    assert read(rewritten(whole, bytes(content))) == (
        [*facts[:hit], *facts[hit + 1 :]],
        1,
    )


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_stretch_of_zeros_loses_no_record_behind_it(
    whole: Path, facts: Sequence[Fact], data: st.DataObject
) -> None:
    content, borders = whole.read_bytes(), [0, *ends(whole)]
    start = data.draw(st.integers(0, borders[2] - 1))
    path = rewritten(whole, content[:start] + bytes(borders[2] - start) + content[borders[2] :])

    kept = sum(end <= start for end in borders[1:])
    assert read(path)[0] == [*facts[:kept], *facts[2:]]


@pytest.mark.parametrize("record", range(RECORDS))
def test_a_block_that_the_disk_has_lost_costs_its_record_only(
    whole: Path, facts: Sequence[Fact], record: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = ends(whole)[record] - 40
    bad -= bad % BLOCK
    pread = os.pread

    def lossy(file: int, length: int, offset: int) -> bytes:
        if bad <= offset < bad + BLOCK:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(file, min(length, bad - offset) if offset < bad else length, offset)

    monkeypatch.setattr(disk, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(os, "pread", lossy)

    assert read(whole) == ([*facts[:record], *facts[record + 1 :]], 1)


def test_markers_without_a_header_mislead_nobody(whole: Path, facts: Sequence[Fact]) -> None:
    content = whole.read_bytes()
    noise = (MARKER + bytes(HEADER_BYTES)) * 50 + MARKER[:1] * 300_000 + MARKER

    assert read(rewritten(whole, content + noise)) == (facts, 1)
