"""The README's tour, run as it stands: what it shows is what a newcomer gets."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import ROOT, free_port, running
from tests.conftest import MakeDatabase

TOUR = "## A tour of five minutes"


def steps() -> list[str]:
    """The commands of the tour: its set-up, then each command of its transcripts."""
    text = (ROOT / "README.md").read_text().partition(TOUR)[2].partition("\n## ")[0]
    (setup,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    transcripts = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL))
    commands = re.findall(r"^\$ (.*(?:\n    .*)*)", transcripts, re.MULTILINE)
    return [setup, *commands]


@pytest.fixture
def shown(make_database: MakeDatabase, tmp_path: Path) -> list[Any]:
    """What the commands of the tour print, each line as JSON."""
    var = tmp_path / "var"
    var.mkdir()
    with running("run", var=var, PORT=str(free_port()), DATABASE_URL=make_database()) as service:
        service.wait_for("Receiver is up")
        done = subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                "\n".join(steps()).replace("| python3 -m json.tool", ""),
            ],
            cwd=tmp_path,
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
