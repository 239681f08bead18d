"""Settings as the pages show them are settings, and their commands for Alembic are its own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.errors import SetupError
from receiver.settings import Settings
from receiver.store import schema
from receiver.store.fitness import REQUIRED
from tests.cli.processes import ROOT
from tests.conftest import MakeDatabase
from tests.pages.pages import PAGES, blocks, name
from tests.settings.variables import VARIABLES

#: What stands on the pages where a key is to be: no key, so that nobody has that of a page.
KEY = "..."
GOOD = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SHOWN = [(page, block) for page in PAGES for block in blocks(page, "env")]


@pytest.mark.parametrize(("page", "block"), SHOWN, ids=[name(page) for page, _ in SHOWN])
def test_what_is_shown_is_taken(page: Path, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = dict(line.split("=", 1) for line in block.splitlines())
    for each in VARIABLES:
        monkeypatch.delenv(each, raising=False)
    for each, value in shown.items():
        monkeypatch.setenv(each, GOOD if value == KEY else value)

    settings = Settings.from_environ()

    assert shown.keys() <= VARIABLES.keys()
    same = {each for each in shown if getattr(settings, VARIABLES[each].field) == default(each)}
    assert same <= {"WEB_CONCURRENCY"}  # all others are there as they have to be set


def default(name: str) -> Any:
    return VARIABLES[name].default


def test_every_setting_that_a_page_names_is_one() -> None:
    named = {each for page in PAGES for each in re.findall(r"RECEIVER_[A-Z_]+", page.read_text())}

    assert {each for each in named if each not in VARIABLES} == set()


def test_a_step_of_the_schema_is_taken_back_as_the_page_says(make_database: MakeDatabase) -> None:
    url = make_database()
    (commands,) = [
        block for block in blocks(ROOT / "docs" / "upgrade.md", "sh") if "alembic" in block
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "DATABASE_URL": url, "PATH": path}

    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith(REQUIRED)
    with pytest.raises(SetupError, match="behind the code"):
        schema.require_current(url)
    schema.upgrade(url)
    schema.require_current(url)
