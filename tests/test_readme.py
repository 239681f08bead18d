"""The README's tour, run as it stands: what it shows is what a newcomer gets."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import ROOT, free_port, fresh_folder, receiver, running
from tests.conftest import MakeDatabase

TOUR = "## A tour of five minutes"


def steps() -> list[str]:
    """The commands of the tour: its set-up, then each command of its transcripts."""
    text = (ROOT / "README.md").read_text().partition(TOUR)[2].partition("\n## ")[0]
    (setup,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    transcripts = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL))
    commands = re.findall(r"^\$ (.*(?:\n    .*)*)", transcripts, re.MULTILINE)
    return [setup, *commands]


@pytest.fixture(scope="module")
def place(make_database: MakeDatabase) -> Iterator[Path]:
    """A folder in which `receiver run` has its var."""
    with fresh_folder() as place:
        var = place / "var"
        var.mkdir()
        more = {"PORT": str(free_port()), "DATABASE_URL": make_database()}
        with running("run", var=var, **more) as service:
            service.wait_for("Receiver is up")
            yield place


@pytest.fixture
def shown(place: Path) -> list[Any]:
    """What the commands of the tour print, each line as JSON."""
    commands = "\n".join(steps()).replace("| python3 -m json.tool", "")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def test_the_tour_ends_with_one_delivered_delivery_and_the_reply(shown: list[Any]) -> None:
    *answers, send = shown

    assert [each.get("result", each.get("status")) for each in answers] == [
        "accepted",
        "accepted",
        201,
        "duplicate",
        "duplicate",
        200,
        "accepted",
    ]
    assert [each["status"] for each in send["deliveries"]] == ["delivered"]
    assert [each["status"] or each["kind"] for each in send["timeline"]] == [
        "request",
        "submitted",
        "delivered",
        "reply",
    ]
    assert [each["text"] for each in send["replies"]] == ["Thanks!"]


def test_the_demo_loses_nothing(place: Path) -> None:
    done = receiver("demo", "--messages", "1", var=place / "var")

    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[:2] for line in done.stdout.splitlines() if line]
    counts = {what: int(count) for what, count in rows if count.isdigit()}
    assert counts["lost"] == 0
    assert counts["overdue"] == 5
    assert counts["refused"] == 5
    assert counts["replies"] > 0
    ends = ("delivered", "failed", "pending", "overdue")
    assert counts["sent"] == sum(counts[name] for name in ends)
    assert all(counts[name] for name in ends)
