"""Who is served first, and who stands outside first when too much waits."""

import contextlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Kind, Notice
from receiver.inbox.queue import Queue, Waiting
from tests.making import make_fact, make_receipt

NOISY, QUIET, OTHER = (UUID(int=n) for n in (1, 2, 3))


def make_waiting(point: UUID = NOISY, *, facts: int = 1, kind: Kind = Kind.RECEIPT) -> Waiting:
    fact = make_fact(make_receipt("t-1", "Delivered"), point_id=point, raw=b"12345678")
    if kind is not Kind.RECEIPT:
        fact = replace(fact, body=Notice(kind=kind))
    return Waiting([fact] * facts)


def fill(queue: Queue, *, point: UUID = NOISY) -> int:
    """Add until it refuses; return how many it took."""
    for taken in range(10_000):
        try:
            queue.add(make_waiting(point))
        except StoreAwayError:
            return taken
    raise AssertionError


def test_one_point_alone_may_fill_it() -> None:
    assert fill(Queue(most_facts=100)) == 100


def test_a_quiet_point_finds_room_where_a_noisy_one_does_not() -> None:
    queue = Queue(most_facts=100)
    fill(queue)

    queue.add(make_waiting(QUIET))

    with pytest.raises(StoreAwayError):
        queue.add(make_waiting(NOISY))


def test_the_noisy_point_gets_in_again_once_it_has_less_than_its_share() -> None:
    queue = Queue(most_facts=100)
    fill(queue)
    quiet = fill(queue, point=QUIET)

    assert 45 <= quiet <= 51


@given(st.lists(st.sampled_from([NOISY, QUIET, OTHER]), max_size=300))
def test_it_never_holds_more_than_twice_its_size(points: list[UUID]) -> None:
    queue = Queue(most_facts=10)
    for point in points:
        with contextlib.suppress(StoreAwayError):
            queue.add(make_waiting(point))

    assert len(queue.take(most_facts=1000, most_bytes=10**6)) <= 20
    assert not queue


def test_large_bodies_fill_it_too() -> None:
    assert fill(Queue(most_facts=10_000, most_bytes=80)) == 10


def test_points_are_served_in_turn() -> None:
    queue = Queue()
    for point in [NOISY] * 5 + [QUIET]:
        queue.add(make_waiting(point))

    served = queue.take(most_facts=2, most_bytes=10**6)

    assert {waiting.facts[0].point_id for waiting in served} == {NOISY, QUIET}


def test_messages_go_before_a_storm_of_receipts() -> None:
    queue = Queue()
    for _ in range(50):
        queue.add(make_waiting())
    message = make_waiting(kind=Kind.MESSAGE)
    queue.add(message)

    assert queue.take(most_facts=1, most_bytes=10**6) == [message]


def test_a_batch_is_bounded_and_takes_at_least_one_request() -> None:
    queue = Queue()
    for facts in (300, 2, 2):
        queue.add(make_waiting(facts=facts))

    sizes = [
        [len(each.facts) for each in queue.take(most_facts=3, most_bytes=10**6)] for _ in range(4)
    ]

    assert sizes == [[300], [2], [2], []]


def test_what_waits_too_long_is_taken_out_wherever_it_stands() -> None:
    queue = Queue()
    old, new = make_waiting(QUIET), make_waiting(NOISY)
    old.since -= 10
    queue.add(new)
    queue.add(old)

    assert list(queue.expired(new.since - 5)) == [old]
    assert list(queue.take(most_facts=9, most_bytes=10**6)) == [new]


def test_the_first_end_counts() -> None:
    waiting = make_waiting()

    waiting.end(error=StoreAwayError("late"))
    waiting.end(results=())

    with pytest.raises(StoreAwayError, match="late"):
        waiting.wait()
