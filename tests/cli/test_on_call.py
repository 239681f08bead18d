"""The page for who is on call: everything that the commands can say is in it."""

import re

import pytest

from receiver.cli.exits import Exit
from receiver.cli.visiting import Visit
from receiver.domain.verdicts import NAMES
from tests.cli.processes import ROOT

PAGE = (ROOT / "docs" / "on-call.md").read_text()


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    part = PAGE.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`.*?`|\d+) \|", part, re.MULTILINE)
    return [name.strip(" `") for cell in cells for name in cell.split(",")]


def test_every_exit_code_is_documented() -> None:
    assert [int(cell) for cell in rows("## Exit codes")] == [*Exit, 130]


def test_every_verdict_is_documented() -> None:
    beside = {"past", "not_found", "away"}

    assert set(rows("### Verdicts")) == {*NAMES, *beside}


def test_every_step_of_the_way_is_documented() -> None:
    assert rows("## The way here: `receiver check`") == list(Visit.STEPS)


@pytest.mark.parametrize("command", ["status", "why", "top", "tail", "check", "import", "verify"])
def test_every_command_has_its_symptom(command: str) -> None:
    table = PAGE.partition("## Symptom, command, meaning")[2].partition("\n## ")[0]

    assert f"`receiver {command}" in table
