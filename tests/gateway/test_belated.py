"""What nothing takes for now is tried again, in its order, within bounds."""

import threading
from collections.abc import Sequence

import pytest

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact
from receiver.web.gateway.belated import MOST_BYTES, Belated
from tests.making import make_fact, make_send


class Store:
    """Is away for its first attempts."""

    def __init__(self, away: int) -> None:
        self.away = away
        self.taken: list[str] = []
        self.all_taken = threading.Event()

    def put(self, facts: Sequence[Fact]) -> None:
        if self.away:
            self.away -= 1
            raise StoreAwayError("away")
        if facts[0].raw == b"broken":
            raise ValueError
        self.taken += [fact.raw.decode() for fact in facts]
        if "last" in self.taken:
            self.all_taken.set()


def exchange(name: str) -> Sequence[Fact]:
    return [make_fact(make_send(name), raw=name.encode())]


def test_it_goes_in_once_the_store_is_back() -> None:
    store = Store(away=3)
    belated = Belated(store.put, rest_seconds=0.01)

    for name in ("first", "second", "broken", "last"):
        assert belated.hold(exchange(name))

    assert store.all_taken.wait(5)
    assert store.taken == ["first", "second", "last"]


def test_it_begins_anew_after_an_end() -> None:
    store = Store(away=0)
    belated = Belated(store.put, rest_seconds=0.01)
    for _ in range(3):
        store.all_taken.clear()
        belated.hold(exchange("last"))
        assert store.all_taken.wait(5)


@pytest.mark.parametrize("size", [MOST_BYTES // 2 + 1])
def test_there_is_an_end_to_what_is_held(size: int) -> None:
    belated = Belated(Store(away=1_000_000).put, rest_seconds=60)
    large = [make_fact(make_send("large"), raw=b"x" * size)]

    assert [belated.hold(large), belated.hold(large)] == [True, False]
    belated.close()
