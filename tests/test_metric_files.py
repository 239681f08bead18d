"""The files that processes count in."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from receiver import metric_files
from receiver.metric_families import MOST_VALUES

COUNTING = """
import sys
from receiver import metrics
for number in 2 * list(range(int(sys.argv[1]))):
    metrics.notified("default", f"point-{number}", "receipt", "accepted")
metrics.spooled(3, 0.1)
metrics.queued(7, 2.5)
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

    assert 'receiver_durable_seconds_count{way="spool"} 6.0' in count(folder)

    assert metric_files.emptied(folder) == folder
    assert list(folder.iterdir()) == []


def test_room_is_taken_before_anything_is_counted(tmp_path: Path) -> None:
    assert metric_files.claim(str(tmp_path)) == tmp_path
    blocks = {file.stem.rpartition("_")[0]: file.stat() for file in tmp_path.iterdir()}

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
    assert 'receiver_durable_seconds_count{way="spool"} 3.0' in told


def test_points_past_the_first_are_one(tmp_path: Path) -> None:
    told = count(tmp_path, flood=MOST_VALUES + 50)

    assert told.count("receiver_notifications_total{") == MOST_VALUES + 1
    assert '{domain="default",kind="receipt",point="other",result="accepted"} 100.0' in told


def test_what_waits_is_told_by_the_living(tmp_path: Path) -> None:
    told = count(tmp_path)
    assert "receiver_queue_facts 7.0" in told
    assert "receiver_queue_oldest_seconds 2.5" in told

    metric_files.forget_dead(tmp_path)

    assert {file.name.partition("_")[0] for file in tmp_path.iterdir()} == {"counter", "histogram"}


FLOOD = """
from receiver import metrics
for number in range(100_000):
    odd = f"{number:06}" + 94 * "\u0436"
    metrics.notified("default", odd, odd, odd)
    metrics.quarantined("default", odd, odd)
    metrics.refused("default", odd, odd, number)
    metrics.unknown_status("default", odd)
    metrics.mismatched("default", odd, odd)
    metrics.recorded("default", odd, odd, 1)
    metrics.retried(odd)
    metrics.unknown_status(odd, "")
print(metrics.exposition((), domain="default").decode())
"""


def test_no_label_can_explode(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], env=environment, capture_output=True, text=True, check=True
    )

    lines = [line for line in done.stdout.split("\n") if line and line[0] != "#"]
    sums: dict[str, float] = defaultdict(float)
    for line in lines:
        sums[line.partition("{")[0]] += float(line.rpartition(" ")[2])
    flooded = [name for name, total in sums.items() if total >= 100_000]
    assert len(flooded) == 7  # nothing is lost
    assert len(lines) < 7 * (MOST_VALUES + 2) + 100
    sizes = {file.stem.rpartition("_")[0]: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes == metric_files.ROOM_BYTES  # all within what was taken at the start
