"""The files that processes count in."""

import os
import subprocess
import sys
from pathlib import Path

from receiver import metric_files, metrics

COUNTING = """
import sys
from receiver import metrics
for number in 2 * list(range(int(sys.argv[1]))):
    metrics.notified("default", f"point-{number}", "receipt", "accepted")
metrics.made_durable(3, "spool")
print(metrics.FOLDER, metrics.exposition((), domain="default").decode())
"""


def count(folder: Path, *, flood: int = 0) -> str:
    """Count three facts in a process of its own, and notifications of so many points."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, str(flood)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_processes_add_up_until_the_folder_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "metrics" / "8080"
    assert metric_files.emptied(folder) == folder
    count(folder)

    assert 'receiver_durable_total{way="spool"} 6.0' in count(folder)

    assert metric_files.emptied(folder) == folder
    assert list(folder.iterdir()) == []


def test_room_is_taken_before_anything_is_counted(tmp_path: Path) -> None:
    assert metric_files.claim(str(tmp_path)) == tmp_path
    blocks = {file.name.partition("_")[0]: file.stat() for file in tmp_path.iterdir()}

    assert {kind: stat.st_size for kind, stat in blocks.items()} == metric_files.ROOM_BYTES
    assert all(stat.st_blocks * 512 >= stat.st_size for stat in blocks.values())


def test_what_an_earlier_process_of_the_same_number_counted_stays(tmp_path: Path) -> None:
    metric_files.claim(str(tmp_path))
    for file in tmp_path.iterdir():
        file.write_bytes(b"counted")

    metric_files.claim(str(tmp_path))

    assert {file.read_bytes() for file in tmp_path.iterdir()} == {b"counted"}


def test_without_a_folder_each_process_counts_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert metric_files.emptied(tmp_path / "file" / "metrics") is None
    told = count(tmp_path / "absent")
    assert told.startswith("None")
    assert 'receiver_durable_total{way="spool"} 3.0' in told


def test_points_past_the_first_are_one(tmp_path: Path) -> None:
    told = count(tmp_path, flood=metrics.MOST_POINTS + 50)

    assert told.count("receiver_notifications_total{") == metrics.MOST_POINTS + 1
    assert '{domain="default",kind="receipt",point="other",result="accepted"} 100.0' in told
