"""The first day, done as the page says, and what it sets up for systemd."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from receiver.cli.exits import Exit
from receiver.embedded import binaries
from tests.cli.commands import path_with_receiver
from tests.cli.processes import ROOT, environment, eventually, free_port, running, status_of
from tests.conftest import create_database
from tests.pages.pages import blocks

PAGE = ROOT / "docs" / "first-day.md"
UNIT = ROOT / "config" / "receiver@.service"
#: Of Postgres, as the embedded one brings them.
PROGRAMS = Path(sysconfig.get_path("purelib")) / binaries.PROGRAMS
VERIFY = shutil.which("systemd-analyze")
CHECK = "receiver check --point otp\n"
CHECKED = f"{CHECK.strip()} || test $? = {Exit.FAULTY:d}\n"


@pytest.fixture
def surroundings(var: Path, postgres_url: str) -> dict[str, str]:
    """What the page has in /etc/receiver.env: an empty database, and an address."""
    port = free_port()
    return environment(
        var,
        PATH=os.pathsep.join([str(PROGRAMS), path_with_receiver(var / "bin")]),
        PORT=str(port),
        DATABASE_URL=create_database(postgres_url, f"first_day_{os.getpid()}"),
        RECEIVER_PUBLIC_URL=f"http://127.0.0.1:{port}",
    )


def run(
    commands: str, surroundings: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=surroundings,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_first_day_ends_with_a_receipt_and_a_backup(
    surroundings: dict[str, str], var: Path
) -> None:
    migrate, *first = blocks(PAGE, "sh")
    assert run(migrate, surroundings, var).returncode == 0
    given = {name: surroundings[name] for name in ("PORT", "DATABASE_URL", "RECEIVER_PUBLIC_URL")}
    with running("serve", var=var, **given), running("worker", var=var, **given) as worker:
        eventually(lambda: status_of(f"{given['RECEIVER_PUBLIC_URL']}/health/ready") == 200, 20)
        worker.wait_for("worker_works")
        assert CHECK in first
        done = run("".join(first).replace(CHECK, CHECKED), surroundings, var)

    assert done.returncode == 0, done.stderr
    assert '"result":"accepted"' in done.stdout
    assert "arrived: Delivered (7500" in done.stdout
    assert "nobody" in done.stdout
    assert "TABLE DATA public deliveries" in done.stdout
    steps = dict(re.findall(r"^(\w[\w ]*?)  +(ok|failed|doubtful)", done.stdout, re.MULTILINE))
    assert steps.pop("address") == "failed"  # it is no https
    assert steps["POST"] == steps["large POST"] == "ok"


@pytest.mark.skipif(VERIFY is None, reason="SYSTEMD IS NOT INSTALLED: the unit is not tested")
@pytest.mark.parametrize("process", ["serve", "worker"])
def test_systemd_reads_the_unit(var: Path, process: str) -> None:
    here = {
        "/opt/receiver/.venv": str(var),
        "/opt/receiver": str(var),
        "User=receiver": "User=root",
    }
    path_with_receiver(var / "bin")
    text = UNIT.read_text()
    for written, meant in here.items():
        assert written in text
        text = text.replace(written, meant)
    unit = var / f"receiver@{process}.service"
    unit.write_text(text)

    done = run(f"{VERIFY} verify {unit}", dict(os.environ), var)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
