"""How often the platform is asked, by a clock that the tests set."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.cli.restraint import LONGEST_ASKED_SECONDS, LONGEST_SECONDS, Pace, Rests

POINT, OTHER = UUID(int=1), UUID(int=2)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@given(
    per_minute=st.integers(1, 600),
    pauses=st.lists(st.floats(0, 30) | st.just(1.0), min_size=1, max_size=60),
)
def test_no_minute_has_more_questions_than_may_be(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    pace = Pace(per_minute, clock)
    asked_at: list[float] = []
    for pause in pauses:
        clock.seconds += pause
        while pace.take():
            asked_at.append(clock())

    most = max(sum(at <= each < at + 60 for each in asked_at) for at in asked_at)
    assert 1 <= most <= per_minute


@pytest.mark.parametrize("per_minute", [1, 2, 5, 6, 7, 11, 13, 59, 60, 599])
def test_nor_has_one_in_which_we_are_always_ready(per_minute: int) -> None:
    clock = Clock()
    pace = Pace(per_minute, clock)
    asked = 0
    for _ in range(599):  # in tenths of a second: one less than a minute
        while pace.take():
            asked += 1
        clock.seconds += 0.1

    assert per_minute * 0.8 <= asked <= per_minute


def test_what_may_be_asked_is_asked() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    asked = 0
    for _ in range(600):
        clock.seconds += 1
        while pace.take():
            asked += 1

    assert asked == pytest.approx(600, abs=10)


def test_a_platform_in_trouble_is_left_alone_ever_longer() -> None:
    clock = Clock()
    rests = Rests(clock)
    lengths = []
    for _ in range(9):
        lengths.append(rests.begin(POINT, None))
        assert rests.holds(POINT)
        assert not rests.holds(OTHER)
        clock.seconds += lengths[-1]
        assert not rests.holds(POINT)

    assert lengths[:4] == [60, 120, 240, 480]
    assert lengths[-1] == LONGEST_SECONDS
    rests.end(POINT)
    assert rests.begin(POINT, None) == 60


@pytest.mark.parametrize(
    ("asked", "length"), [(5.0, 60), (900.0, 900), (1e6, LONGEST_ASKED_SECONDS)]
)
def test_it_may_say_itself_for_how_long(asked: float, length: float) -> None:
    assert Rests(Clock()).begin(POINT, asked) == length
