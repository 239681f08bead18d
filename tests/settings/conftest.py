"""Fixtures of the settings' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.log import configure
from tests.cli.processes import fresh_folder


@pytest.fixture(scope="session", autouse=True)
def log() -> None:
    configure("ERROR")


@pytest.fixture
def var() -> Iterator[Path]:
    """A folder for local state, under a short path."""
    with fresh_folder() as folder:
        yield folder
