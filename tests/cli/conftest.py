"""Fixtures of the command's tests."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from receiver.cli import main
from tests.cli.processes import environment


@pytest.fixture
def call(
    var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., CompletedProcess[str]]:
    """Give the `receiver` command without a process of its own, which takes a second each."""

    def run(*arguments: str, **more: str) -> CompletedProcess[str]:
        ours = environment(var, **more)
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(ours):
                patch.delenv(name)
            for name, value in ours.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        said = capsys.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return CompletedProcess(arguments, code or 0, said.out, said.err)

    return run
