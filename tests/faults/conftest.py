"""Stages that tests share, and the table at the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.faults import report, stages
from tests.faults.form import FORM
from tests.faults.postgres import Postgres
from tests.faults.report import Row
from tests.faults.stages import Scene, Stage

LAST_LINES: Final = 40
ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()


class Stages:
    """Keeps one stage open, for as long as tests ask for the same."""

    def __init__(self) -> None:
        self._postgres: Postgres | None = None
        self._stage: Stage | None = None
        self._scene: Scene | None = None
        self._server_stack, self._stack = ExitStack(), ExitStack()

    def open(self, stage: Stage) -> Scene:
        """Return the scene of a stage, set up if it isn't."""
        if self._postgres is None:
            self._postgres = self._server_stack.enter_context(stages.server())
        if self._scene is None or self._stage is not stage:
            self.leave()
            self._scene = self._stack.enter_context(stage(self._postgres))
            self._stage = stage
        return self._scene

    def say(self) -> None:
        """Print the last that the service of the stage has written, but for answers 200."""
        if self._scene is not None:
            lines = self._scene.service.output.splitlines()
            said = [line for line in lines if '"status":200' not in line]
            sys.stdout.write("\n".join(said[-LAST_LINES:]))

    def leave(self) -> None:
        """Take the stage down, so that the next fault gets a new one."""
        self._scene = None
        self._stack.close()

    def close(self) -> None:
        """Take down everything."""
        try:
            self.leave()
        finally:
            self._server_stack.close()


@pytest.fixture(scope="session")
def open_stages() -> Iterator[Stages]:
    """Keep stages over the tests of a run."""
    kept = Stages()
    try:
        yield kept
    finally:
        kept.close()


@pytest.fixture
def open_stage(
    open_stages: Stages, request: pytest.FixtureRequest
) -> Iterator[Callable[[Stage], Scene]]:
    """Give the scene of a stage; after a failure its service says its last, and nobody gets it."""
    failed = request.session.testsfailed
    yield open_stages.open
    if request.session.testsfailed > failed:
        open_stages.say()
        open_stages.leave()


@pytest.fixture
def keep_row(request: pytest.FixtureRequest) -> Callable[[Row], None]:
    """Take a row into the table."""
    return request.config.stash.setdefault(ROWS, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, and leave it in the folder of the long form."""
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write(report.markdown(rows))
    if rows and FORM.folder:
        report.write(Path(config.rootpath, FORM.folder), rows)
