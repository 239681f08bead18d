"""The directory on disk: what was kept comes back, and nobody else can read it."""

import base64
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from receiver.sealing import FILE as KEY_FILE
from receiver.sealing import Sealer
from receiver.store.directory import EMPTY, Directory
from receiver.store.points import hash_of
from receiver.web import snapshot as snapshots
from receiver.web.snapshot import FILE, Snapshot
from tests.cli.processes import ROOT
from tests.web.test_roster import NOW, make_key, make_point

POINT = replace(make_point("secret-token"), opts={"timezone": "Europe/Berlin", "n": [1, {}]})
DIRECTORY = Directory(
    {hash_of("secret-token"): POINT},
    {hash_of("key"): make_key(expires_at=NOW), hash_of("old"): make_key(revoked_at=NOW)},
)
#: Another process: keeps a directory that is empty, says whether it did, and waits to be told.
OTHER = """
import sys
from pathlib import Path
from receiver.store.directory import EMPTY
from receiver.web.snapshot import Snapshot
snapshot = Snapshot(Path(sys.argv[1]))
while True:
    snapshot.keep(EMPTY)
    taken = snapshot.load()
    print("empty" if taken and not taken.directory.points else "other", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def snapshot_in(folder: Path, *secret_keys: str) -> Iterator[Snapshot]:
    snapshot = Snapshot(folder, secret_keys)
    try:
        yield snapshot
    finally:
        snapshot.close()


def keep(folder: Path, directory: Directory = DIRECTORY) -> None:
    with snapshot_in(folder) as snapshot:
        snapshot.keep(directory)


def loaded(folder: Path, *secret_keys: str) -> Directory | None:
    taken = Snapshot(folder, secret_keys).load()
    return taken.directory if taken else None


def test_what_was_kept_comes_back(var_dir: Path) -> None:
    keep(var_dir)

    assert loaded(var_dir) == DIRECTORY


def test_the_file_is_its_owners_and_sealed(var_dir: Path) -> None:
    keep(var_dir)

    content = (var_dir / FILE).read_bytes()
    assert stat.S_IMODE((var_dir / FILE).stat().st_mode) == 0o600
    assert not any(word in content for word in (b"secret-token", b"default", b"rk_test"))
    assert {each.name for each in var_dir.iterdir()} == {FILE, snapshots.LOCK, KEY_FILE}


def test_without_a_file_nothing_is_known_and_nothing_is_made(var_dir: Path) -> None:
    assert loaded(var_dir) is None
    assert not var_dir.exists()


def test_another_key_opens_nothing_and_that_is_said(var_dir: Path) -> None:
    keep(var_dir)
    snapshot = Snapshot(var_dir, [base64.b64encode(bytes(32)).decode()])

    assert snapshot.load() is None
    assert snapshot._said.startswith("snapshot_unusable")


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "folder"])
def test_a_damaged_file_is_as_if_there_were_none_until_it_is_written_again(
    var_dir: Path, damage: str
) -> None:
    keep(var_dir)
    file = var_dir / FILE
    content = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    else:
        broken = {"cut": content[:-9], "changed": content[:-1] + b"x", "empty": b""}
        file.write_bytes(broken[damage])

    snapshot = Snapshot(var_dir)
    assert snapshot.load() is None
    assert snapshot._said.startswith("snapshot_unusable")
    assert "secret-token" not in snapshot._said
    if damage != "folder":
        keep(var_dir)
        assert loaded(var_dir) == DIRECTORY


def test_fields_that_we_do_not_know_are_passed_over_and_another_format_is_refused(
    var_dir: Path,
) -> None:
    point = {
        "id": str(POINT.id),
        "domain": "d",
        "code": "c",
        "type": "public",
        "token_local": "t",
        "opts": {},
        "created_at": "2026-11-22T10:00:00Z",
        "colour": "blue",
    }
    entry = {"hash": base64.b64encode(hash_of("t")).decode(), "point": point, "rank": 1}
    content = {"format": 1, "taken_at": "2026-11-22T10:00:00Z", "points": [entry], "keys": []}
    var_dir.mkdir()

    def write(**more: object) -> None:
        plain = json.dumps(content | more).encode()
        sealed = Sealer.of((), var_dir).seal(plain, context=snapshots._CONTEXT)
        (var_dir / FILE).write_bytes(sealed)

    write(weather="fine")
    known = loaded(var_dir)
    write(format=2)

    assert known is not None
    assert known.points[hash_of("t")].code == "c"
    assert loaded(var_dir) is None


def test_it_is_written_where_it_changed_or_is_gone(var_dir: Path) -> None:
    with snapshot_in(var_dir) as snapshot:
        snapshot.keep(DIRECTORY)
        first = snapshot.file.stat().st_ino, snapshot.file.stat().st_mtime_ns
        snapshot.keep(Directory(dict(DIRECTORY.points), dict(DIRECTORY.keys)))
        assert (snapshot.file.stat().st_ino, snapshot.file.stat().st_mtime_ns) == first
        snapshot.file.unlink()
        snapshot.keep(DIRECTORY)
        assert loaded(var_dir) == DIRECTORY
        snapshot.keep(EMPTY)
        assert loaded(var_dir) == EMPTY


def test_where_nothing_can_be_written_the_service_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with snapshot_in(tmp_path / "file") as snapshot:
        snapshot.keep(DIRECTORY)

        assert snapshot._said.startswith("snapshot_not_written")


def test_one_process_writes_and_another_takes_over_when_it_is_killed(var_dir: Path) -> None:
    with (
        snapshot_in(var_dir) as ours,
        subprocess.Popen(
            [sys.executable, "-c", OTHER, str(var_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        assert other.stdin
        assert other.stdout
        assert any(line == "empty\n" for line in other.stdout)
        ours.keep(DIRECTORY)
        assert loaded(var_dir) == EMPTY
        other.kill()
        other.wait()
        ours.keep(DIRECTORY)
        assert loaded(var_dir) == DIRECTORY
