"""Fixtures of the sandbox's tests."""

from collections.abc import Iterator

import pytest

from tests.sandbox.playing import Hook, Played, hooked, playing


@pytest.fixture(scope="session")
def hook() -> Iterator[Hook]:
    with hooked() as hook:
        yield hook


@pytest.fixture(scope="session")
def sandbox(hook: Hook) -> Iterator[Played]:
    """A sandbox that all tests share: each looks at transactions of its own."""
    with playing(hook) as played:
        yield played
