"""What is said of something that may take its time to answer, and how soon."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from receiver.web.watched import Watched

OVERDUE = 2.0


class Asked:
    """Something that answers with the number of the question, when it is allowed to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.questions = 0
        self.answers = threading.Event()
        self.answers.set()
        self.watched = Watched(
            self._answer,
            unanswered=lambda: "away",
            overdue_seconds=OVERDUE,
            clock=lambda: self.now,
            beside=lambda work: threading.Thread(target=work).start(),
        )

    def _answer(self) -> str:
        self.questions += 1
        number = self.questions
        self.answers.wait(10)
        return f"answer {number}"

    def look(self, *, within: float) -> str:
        began = time.monotonic()
        said = self.watched.look()
        assert time.monotonic() - began < within
        return said

    def settle(self) -> None:
        self.answers.set()
        assert self.watched._answered.wait(10)


@pytest.fixture
def asked() -> Iterator[Asked]:
    asked = Asked()
    yield asked
    asked.settle()


def test_the_first_answer_is_waited_for_and_good_for_a_second(asked: Asked) -> None:
    assert asked.look(within=0.4) == "answer 1"
    asked.now += 0.9
    assert asked.look(within=0.1) == "answer 1"
    assert asked.questions == 1


def test_what_is_known_is_said_at_once_while_one_asks(asked: Asked) -> None:
    asked.look(within=0.4)
    asked.answers.clear()
    asked.now += 1

    assert asked.look(within=0.4) == "answer 1"
    for _ in range(20):
        assert asked.look(within=0.1) == "answer 1"
    assert asked.questions == 2
    asked.settle()
    assert asked.look(within=0.1) == "answer 2"


def test_who_asks_gets_the_new_answer_if_it_comes_soon(asked: Asked) -> None:
    asked.look(within=0.4)
    asked.now += 60

    assert asked.look(within=0.3) == "answer 2"


def test_an_answer_that_is_overdue_is_one(asked: Asked) -> None:
    asked.look(within=0.4)
    asked.answers.clear()
    asked.now += 1
    asked.look(within=0.4)
    asked.now += OVERDUE + 0.1

    assert asked.look(within=0.1) == "away"
    assert asked.questions == 2
    asked.settle()
    assert asked.look(within=0.1) == "answer 2"


def test_where_nothing_is_known_yet_nobody_waits_long(asked: Asked) -> None:
    asked.answers.clear()
    with ThreadPoolExecutor(5) as pool:
        said = list(pool.map(lambda _: asked.look(within=0.8), range(5)))

    assert said == ["away"] * 5
    assert asked.questions == 1


def test_a_fault_of_ours_is_no_answer_and_is_outlived() -> None:
    faults = [ZeroDivisionError()]

    def answer() -> str:
        if faults:
            raise faults.pop()
        return "fine"

    now = [1000.0]
    watched = Watched(
        answer, unanswered=lambda: "away", overdue_seconds=OVERDUE, clock=lambda: now[0]
    )
    assert watched.look() == "away"
    now[0] += 1
    assert watched.look() == "fine"
