"""A put that returns is on the disk; one that can't be says so, in time."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.domain.errors import SpoolError
from receiver.inbox.spool import Spool, depth
from receiver.inbox.spool import appender as appenders
from receiver.inbox.spool.segments import APPLIED, File, is_owned, mark
from tests.cli.processes import ROOT
from tests.inbox.spool.spools import make_facts, make_spool, names, put_each, read_all, waiting


class Disk:
    """An fsync that can be told to fail or to hang, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures: list[int] = []
        self.answers = threading.Event()
        self.answers.set()

    def fsync(self, file: int) -> None:
        self.calls += 1
        assert self.answers.wait(30)
        if self.failures:
            raise OSError(self.failures.pop(), "as told")
        os.fsync(file)


def test_what_was_put_at_once_shares_its_fsync(tmp_path: Path) -> None:
    disk = Disk()
    spool = make_spool(tmp_path / "spool", fsync=disk.fsync)
    facts = make_facts(300)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda fact: spool.put([fact]), facts))

    assert sorted(read_all(tmp_path / "spool"), key=lambda fact: fact.id) == facts
    assert disk.calls < 200


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    make_spool(tmp_path / "new" / "spool").put(make_facts(1))

    assert (tmp_path / "new" / "spool").stat().st_mode & 0o777 == 0o700


def test_a_segment_is_owned_until_it_is_ended(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    spool.rotate()
    spool.put(make_facts(1))
    spool.rotate(older_than_seconds=60)
    (path,) = waiting(tmp_path)
    assert is_owned(path)

    spool.rotate()
    assert not is_owned(path)

    spool.put(make_facts(1))
    spool.close()
    spool.close()
    assert len(waiting(tmp_path)) == 2
    assert not any(is_owned(path) for path in waiting(tmp_path))


def test_a_folder_that_can_t_be_listed_ends_no_open_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor(*_: object) -> Iterator[File]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    spool = make_spool(tmp_path)
    spool.put(make_facts(1))
    with monkeypatch.context() as patch:
        patch.setattr(appenders, "LOOK_SECONDS", 0)
        patch.setattr(appenders, "list_", no_descriptor)
        spool.put(make_facts(1))

    assert len(waiting(tmp_path)) == 1
    assert len(read_all(tmp_path)) == 2


def test_a_segment_ends_when_it_is_large(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    put_each(spool, make_facts(3, raw=bytes(5_000_000)))

    assert [is_owned(path) for path in waiting(tmp_path)] == [False, True]


def test_nothing_needs_no_disk(tmp_path: Path) -> None:
    make_spool(tmp_path / "none").put([])
    make_spool(tmp_path / "none").close()

    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_after_a_failed_fsync_a_new_segment_takes_it(tmp_path: Path, number: int) -> None:
    disk = Disk()
    spool = make_spool(tmp_path, fsync=disk.fsync)
    first, second, third = make_facts(3)
    spool.put([first])
    (before,) = waiting(tmp_path)
    size = before.stat().st_size

    disk.failures = [number]
    spool.put([second])
    spool.put([third])

    assert before.stat().st_size == size
    assert not is_owned(before)
    assert len(waiting(tmp_path)) == 2
    assert read_all(tmp_path) == [first, second, third]


def test_a_disk_that_goes_on_failing_is_said(tmp_path: Path) -> None:
    disk = Disk()
    spool = make_spool(tmp_path, fsync=disk.fsync)
    first, second, third = make_facts(3)
    spool.put([first])

    disk.failures = [errno.EIO, errno.EIO]
    with pytest.raises(SpoolError, match="as told"):
        spool.put([second])
    spool.put([third])

    assert read_all(tmp_path) == [first, third]


def test_a_disk_that_hangs_stops_nobody_for_ever(tmp_path: Path) -> None:
    disk = Disk()
    spool = make_spool(tmp_path, fsync=disk.fsync, deadline_seconds=0.3)
    first, second, third = ([fact] for fact in make_facts(3))
    spool.put(first)
    disk.answers.clear()

    with pytest.raises(SpoolError, match="in time"):
        spool.put(second)
    wait_until_it(spool, hangs=True)  # its own patience began a moment later
    begun = time.monotonic()
    for _ in range(20):
        with pytest.raises(SpoolError, match="does not answer"):
            spool.put(third)
    assert spool.hangs
    assert time.monotonic() - begun < 0.2

    disk.answers.set()
    wait_until_it(spool, hangs=False)
    spool.put(third)
    assert read_all(tmp_path) == [*first, *second, *third]  # the second is kept, and comes again


def wait_until_it(spool: Spool, *, hangs: bool) -> None:
    until = time.monotonic() + 5
    while spool.hangs != hangs:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_full_spool_is_said_and_room_lets_it_go_on(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, max_bytes=100_000)
    large = make_facts(1, raw=bytes(20_000))
    with pytest.raises(SpoolError, match="full"):
        put_each(spool, [*large] * 100)
    assert sum(path.stat().st_size for path in waiting(tmp_path)) <= 100_000
    with pytest.raises(SpoolError, match="full"):
        spool.put(large)
    spool.put(make_facts(1))  # a small one still fits
    spool.close()

    mark(waiting(tmp_path)[0], APPLIED)
    spool.put(large)  # and what was applied makes room

    assert not [name for name in names(tmp_path) if name.endswith(APPLIED)]


def test_the_cap_counts_what_other_processes_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appenders, "LOOK_SECONDS", 0)
    one, other = (make_spool(tmp_path, max_bytes=100_000) for _ in range(2))
    one.put(make_facts(1, raw=bytes(60_000)))

    with pytest.raises(SpoolError, match="full"):
        other.put(make_facts(1, raw=bytes(50_000)))


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    spool = make_spool(tmp_path / "spool")
    spool.put(make_facts(1))
    shutil.rmtree(tmp_path / "spool")
    facts = make_facts(1)

    spool.put(facts)

    assert read_all(tmp_path / "spool") == facts


def test_a_folder_that_can_t_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    spool = make_spool(tmp_path / "file" / "spool")

    with pytest.raises(SpoolError, match="can't be written"):
        spool.put(make_facts(1))
    with pytest.raises(SpoolError, match="can't be written"):
        spool.check()


def test_a_check_leaves_nothing_that_waits(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)

    spool.check()
    spool.rotate()
    assert depth(tmp_path).segments == 0

    spool.close()
    assert names(tmp_path) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from receiver.domain.errors import SpoolError
from tests.inbox.spool.spools import make_facts, make_spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
spool = make_spool(Path(sys.argv[1]))
for number in range(40):
    spool.put(make_facts(1, domain=f"{number:02}" + "d" * 900))
try:
    spool.put(make_facts(1, domain="d" * 30_000))
except SpoolError as error:
    print(error)
spool.put(make_facts(1, domain="last"))
"""


def test_a_file_that_may_not_grow_is_left_for_a_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=30,
    )

    facts = read_all(tmp_path)
    assert "File too large" in done.stdout
    assert [fact.domain[:2] for fact in facts] == [*(f"{n:02}" for n in range(40)), "la"]
    assert len(waiting(tmp_path)) > 2
    assert depth(tmp_path).facts == 41


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk to fill")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_loses_nothing_that_was_taken(tiny_disk: Path) -> None:
    spool = make_spool(tiny_disk)
    facts = make_facts(60, raw=bytes(9_000))
    with pytest.raises(SpoolError, match="No space left"):
        put_each(spool, facts)
    taken = read_all(tiny_disk)
    assert 10 < len(taken) < 60
    assert taken == facts[: len(taken)]

    spool.close()
    mark(waiting(tiny_disk)[0], APPLIED)
    spool.put(facts[:1])  # kept segments make room

    assert read_all(tiny_disk) == facts[:1]


BURST = """
import sys, threading
from pathlib import Path
from tests.inbox.spool.spools import make_facts, make_spool
spool = make_spool(Path(sys.argv[1]))
def put(name):
    for number in range(100_000):
        spool.put(make_facts(1, domain=f"{name}-{number}"))
        sys.stdout.write(f"{name}-{number}\\n")
        sys.stdout.flush()
for name in "abcdefgh":
    threading.Thread(target=put, args=[name]).start()
"""


def test_a_kill_in_a_burst_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", BURST, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert writer.stdout is not None
    taken = [writer.stdout.readline() for _ in range(200)]
    writer.send_signal(signal.SIGKILL)
    taken += writer.stdout.read().splitlines(keepends=True)
    writer.stdout.close()
    writer.wait()

    kept = {fact.domain for fact in read_all(tmp_path)}
    assert {line.decode().strip() for line in taken if line.endswith(b"\n")} <= kept
    assert not any(is_owned(path) for path in waiting(tmp_path))


PATCHED = """
from gevent import monkey; monkey.patch_all()
import os, sys, time, gevent
from pathlib import Path
from tests.inbox.spool.spools import make_facts, make_spool, read_all
sleep = monkey.get_original("time", "sleep")
def slow(file):
    sleep(0.02)
    os.fsync(file)
folder = Path(sys.argv[1])
spool = make_spool(folder, fsync=slow)
beats = []
def beat():
    while True:
        beats.append(time.monotonic())
        gevent.sleep(0.001)
gevent.spawn(beat)
facts = make_facts(640)
def put(number):
    for fact in facts[number::64]:
        spool.put([fact])
gevent.joinall([gevent.spawn(put, number) for number in range(64)], raise_error=True)
spool.close()
assert sorted(read_all(folder), key=lambda fact: fact.id) == facts
print(max(b - a for a, b in zip(beats, beats[1:])))
"""


def test_a_slow_disk_holds_up_no_event_loop(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCHED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.02  # the disk takes longer than that
