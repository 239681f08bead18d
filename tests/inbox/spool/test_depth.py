"""What waits is told from headers alone, over all processes, without reading it all again."""

from pathlib import Path

import pytest

from receiver.domain.errors import SpoolError
from receiver.inbox.spool import Depth, Gauge, depth
from receiver.inbox.spool.segments import APPLIED, DAMAGED, mark
from tests.inbox.spool.spools import make_facts, make_spool, put_each, waiting
from tests.making import START


def test_no_folder_is_no_depth(tmp_path: Path) -> None:
    assert depth(tmp_path / "none") == Depth()


def test_facts_of_all_processes_count_while_they_are_written(tmp_path: Path) -> None:
    one, other = make_spool(tmp_path), make_spool(tmp_path)
    put_each(one, make_facts(3))
    other.put(make_facts(4))
    size = sum(path.stat().st_size for path in waiting(tmp_path))

    assert depth(tmp_path) == Depth(facts=7, bytes=size, segments=2, oldest_at=START)


def test_what_is_kept_does_not_count(tmp_path: Path) -> None:
    for facts in make_facts(3):
        spool = make_spool(tmp_path)
        spool.put([facts])
        spool.close()
    kept, damaged, left = waiting(tmp_path)
    size = kept.stat().st_size
    mark(kept, APPLIED)
    mark(damaged, DAMAGED)

    assert depth(tmp_path) == Depth(
        facts=1,
        bytes=left.stat().st_size,
        segments=1,
        oldest_at=START,
        damaged=1,
        kept_bytes=size,
    )


def test_one_that_nobody_can_read_keeps_no_other_from_being_counted(tmp_path: Path) -> None:
    make_spool(tmp_path).put(make_facts(2))
    (path,) = waiting(tmp_path)
    (tmp_path / f"9{path.name[1:]}").mkdir()
    gauge = Gauge(tmp_path, look_seconds=0)

    for _ in range(2):
        found = gauge.read()
        assert (found.facts, found.segments, found.damaged) == (2, 2, 1)


def test_a_growing_segment_is_read_on(tmp_path: Path) -> None:
    spool, gauge = make_spool(tmp_path), Gauge(tmp_path, look_seconds=0)
    spool.put(make_facts(2))
    assert gauge.read().facts == 2
    (path,) = waiting(tmp_path)
    with path.open("r+b") as file:  # what was read is not read again
        file.write(bytes(path.stat().st_size))

    spool.put(make_facts(3))

    assert gauge.read().facts == 5
    assert depth(tmp_path).facts == 3


def test_a_look_is_good_for_a_second(tmp_path: Path) -> None:
    spool, gauge = make_spool(tmp_path), Gauge(tmp_path)
    spool.put(make_facts(2))
    assert gauge.read().facts == 2

    spool.put(make_facts(2))

    assert gauge.read().facts == 2


@pytest.mark.parametrize("torn", [1, 30, 60, 500])
def test_a_half_written_record_counts_once_it_is_whole(tmp_path: Path, torn: int) -> None:
    spool, gauge = make_spool(tmp_path), Gauge(tmp_path, look_seconds=0)
    put_each(spool, make_facts(3))
    spool.close()
    (path,) = waiting(tmp_path)
    content = path.read_bytes()

    path.write_bytes(content[:-torn])
    assert gauge.read().facts == 2
    path.write_bytes(content)
    assert gauge.read().facts == 3


def test_a_folder_that_can_t_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SpoolError, match="can't be read"):
        depth(tmp_path / "file")
