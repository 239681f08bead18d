"""Whose notifications are worked on: a point that storms waits for itself, not others for it."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from receiver.web import turns as module
from receiver.web.turns import SHARED_SECONDS, Turns
from tests.cli.processes import eventually

STORM, OTHER = 1, 2


class Clock:
    """A time that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def at_work(turns: Turns, *points: int) -> Iterator[ExitStack]:
    """Have so many notifications at work."""
    with ExitStack() as stack:
        for point in points:
            turns.take(point)
            stack.callback(turns.pass_on, point)
        yield stack


class Waiter(threading.Thread):
    """A notification that comes beside others."""

    def __init__(self, turns: Turns, point: int) -> None:
        super().__init__(daemon=True)
        self._turns = turns
        self._point = point
        self.has_turn, self.may_end = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with at_work(self._turns, self._point):
            self.has_turn.set()
            self.may_end.wait(10)


def test_who_is_alone_never_waits() -> None:
    with at_work(Turns(most=2), *[STORM] * 10):
        pass


def test_beside_others_a_point_has_so_many_at_work_and_the_rest_in_line() -> None:
    turns = Turns(most=2)
    with at_work(turns, OTHER), at_work(turns, STORM, STORM) as storm:
        first, second = (Waiter(turns, STORM) for _ in range(2))
        with at_work(turns, OTHER):
            assert not first.has_turn.wait(0.05)
            assert not second.has_turn.is_set()
        storm.close()
        eventually(lambda: first.has_turn.is_set() and second.has_turn.is_set())
        for each in (first, second):
            each.may_end.set()
            each.join(10)

    assert (turns._at_work, turns._lines) == ({}, {})


def test_once_the_others_are_gone_nobody_waits() -> None:
    clock = Clock()
    turns = Turns(most=1, clock=clock)
    with at_work(turns, OTHER), at_work(turns, STORM):
        clock.now += SHARED_SECONDS
        with at_work(turns, *[STORM] * 5):
            pass


def test_what_came_in_while_the_point_was_alone_makes_no_room_for_more() -> None:
    turns = Turns(most=1)
    with at_work(turns, STORM) as last:
        with at_work(turns, STORM, STORM) as first, at_work(turns, OTHER):
            waiter = Waiter(turns, STORM)
            eventually(lambda: turns._lines)
            first.close()
            assert not waiter.has_turn.is_set()
        assert turns._at_work == {STORM: 1}
        last.close()
        assert waiter.has_turn.wait(5)
        waiter.may_end.set()
        waiter.join(10)

    assert (turns._at_work, turns._lines) == ({}, {})


def test_who_has_waited_long_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    turns = Turns(most=1)
    with at_work(turns, OTHER, STORM):
        with at_work(turns, STORM, STORM):
            assert turns._at_work == {OTHER: 1, STORM: 3}
        assert turns._at_work == {OTHER: 1, STORM: 1}

    assert (turns._at_work, turns._lines) == ({}, {})
