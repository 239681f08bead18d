"""What comes out of a block that has a deadline."""

import gevent
import pytest

from receiver.domain.errors import StoreAwayError
from receiver.web.deadlines import within


def stumble(error: BaseException) -> None:
    """Wait for long, and raise this however the wait ends."""
    try:
        gevent.sleep(1)
    finally:
        raise error


def test_a_block_in_time_is_left_alone() -> None:
    passed = []
    with within(1):
        gevent.sleep(0)
        passed.append("the whole block")

    assert passed


def test_past_its_deadline_the_store_is_away() -> None:
    with pytest.raises(StoreAwayError), within(0.01):
        gevent.sleep(1)


def test_what_a_clean_up_raises_instead_is_the_store_away_too() -> None:
    with pytest.raises(StoreAwayError) as raised, within(0.01):
        stumble(ValueError("stumbled"))

    assert isinstance(raised.value.__cause__, ValueError)


def test_what_is_raised_in_time_is_nobody_elses() -> None:
    with pytest.raises(ValueError, match="in time"), within(1):
        raise ValueError("in time")


def test_another_timeout_goes_its_own_way() -> None:
    with pytest.raises(gevent.Timeout) as raised, gevent.Timeout(0.01) as outer, within(1):
        gevent.sleep(1)
    assert raised.value is outer

    with pytest.raises(gevent.Timeout) as raised, within(0.01):
        stumble(outer)
    assert raised.value is outer


def test_of_two_deadlines_the_one_that_passed_is_told() -> None:
    with pytest.raises(StoreAwayError, match="in time"), within(0.01), within(1):
        stumble(ValueError("stumbled"))


def test_who_is_killed_ends() -> None:
    with pytest.raises(gevent.GreenletExit), within(0.01):
        stumble(gevent.GreenletExit())
