"""What is remembered of tokens and keys, for how long, and at what price."""

import pytest

from receiver.domain.errors import StoreAwayError
from receiver.web.memory import Memory


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Postgres:
    """Answers look-ups, counts them, and can be away."""

    def __init__(self, **items: str) -> None:
        self.items = items
        self.away = False
        self.asked = 0

    def __call__(self, secret: str) -> str | None:
        self.asked += 1
        if self.away:
            raise StoreAwayError("away")
        return self.items.get(secret)


def make_memory(postgres: Postgres, *, stale: bool = True) -> tuple[Memory[str], Clock]:
    clock = Clock()
    return Memory(postgres, fresh_seconds=10, stale=stale, clock=clock), clock


def test_what_is_known_needs_no_look_up_for_a_while() -> None:
    postgres = Postgres(token="point")
    known, clock = make_memory(postgres)
    for _ in range(5):
        assert known.find("token") == "point"
        clock.now += 2

    assert postgres.asked == 1
    clock.now += 1
    assert (known.find("token"), postgres.asked) == ("point", 2)


def test_what_is_known_is_used_while_postgres_is_away() -> None:
    postgres = Postgres(token="point")
    known, clock = make_memory(postgres)
    known.find("token")
    postgres.away = True

    for _ in range(100):
        clock.now += 60
        assert known.find("token") == "point"


def test_a_key_is_not_used_while_postgres_is_away() -> None:
    postgres = Postgres(token="key")
    known, clock = make_memory(postgres, stale=False)
    known.find("token")
    postgres.away = True
    clock.now += 60

    with pytest.raises(StoreAwayError):
        known.find("token")


def test_what_was_taken_back_is_absent() -> None:
    postgres = Postgres(token="point")
    known, clock = make_memory(postgres)
    known.find("token")
    del postgres.items["token"]
    clock.now += 11

    assert known.find("token") is None


def test_absence_is_believed_for_a_second() -> None:
    postgres = Postgres()
    known, clock = make_memory(postgres)
    assert known.find("token") is None
    postgres.items["token"] = "point"
    assert (known.find("token"), postgres.asked) == (None, 1)
    clock.now += 1.01

    assert known.find("token") == "point"


def test_nothing_is_certain_while_postgres_is_away() -> None:
    postgres = Postgres()
    postgres.away = True
    known, _ = make_memory(postgres)

    with pytest.raises(StoreAwayError):
        known.find("token")


def test_guesses_are_limited_and_what_is_known_goes_on() -> None:
    postgres = Postgres(token="point")
    known, clock = make_memory(postgres)
    known.find("token")
    clock.now += 10

    refused = 0
    for guess in range(1000):
        try:
            assert known.find(f"guess-{guess}") is None
        except StoreAwayError:
            refused += 1

    assert refused == 900
    assert known.find("token") == "point"
    clock.now += 1
    assert known.find("another") is None


def test_what_is_remembered_is_bounded() -> None:
    postgres, clock = Postgres(**{f"token-{n}": "point" for n in range(20)}), Clock()
    known = Memory(postgres, fresh_seconds=10, stale=True, clock=clock, most=10)
    for n in range(20):
        known.find(f"token-{n}")
        known.find(f"absent-{n}")
        clock.now += 1

    assert (len(known._known), len(known._absent)) == (10, 10)
