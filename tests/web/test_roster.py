"""Who is known, for how long, and at what price: the directory as one process holds it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from receiver.domain.errors import NotFoundError, StoreAwayError, UnauthorisedError
from receiver.sealing import Sealer
from receiver.store.directory import Directory, Version
from receiver.store.keys import ApiKey
from receiver.store.points import Point, hash_of
from receiver.web.admission import Admission
from receiver.web.key_ring import KeyRing
from receiver.web.roster import Roster

NOW = datetime.now(UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Postgres:
    """Answers with the directory of a moment, counts questions; can be away, or hang."""

    def __init__(self, *tokens: str) -> None:
        self.points = {hash_of(token): make_point(token) for token in tokens}
        self.keys: dict[bytes, ApiKey] = {}
        self.away = False
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()

    def read(self, known: Version | None) -> tuple[Version, Directory] | None:
        self.asked += 1
        self.answers.wait(10)
        if self.away:
            raise StoreAwayError("away")
        return (self.asked,), Directory(dict(self.points), dict(self.keys))

    def close(self) -> None:
        """Hold nothing."""


def make_point(token: str) -> Point:
    return Point(
        id=uuid4(),
        domain="default",
        code=token,
        type="public",
        token_local=token,
        opts={},
        created_at=NOW,
    )


def make_key(*, expires_at: datetime | None = None, revoked_at: datetime | None = None) -> ApiKey:
    return ApiKey(
        id=uuid4(),
        domain="default",
        name="test",
        prefix="rk_test",
        scopes=["send"],
        point_ids=[],
        created_at=NOW,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


@contextmanager
def roster_on(postgres: Postgres) -> Iterator[tuple[Roster, Clock]]:
    clock = Clock()
    roster = Roster(postgres, clock=clock)
    try:
        yield roster, clock
    finally:
        postgres.answers.set()
        roster.close()


def admitted(roster: Roster, token: str) -> str:
    return Admission(roster, sealer=lambda: Sealer([bytes(32)])).admit(token).code


def timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_who_is_known_needs_no_question_for_a_while() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, clock):
        for _ in range(5):
            assert admitted(roster, "token") == "token"
            clock.now += 1

        assert postgres.asked == 1
        clock.now += 1
        admitted(roster, "token")
        assert postgres.asked == 2


def test_a_new_one_is_admitted_at_once() -> None:
    postgres = Postgres()
    with roster_on(postgres) as (roster, _):
        with pytest.raises(NotFoundError):
            admitted(roster, "token")
        postgres.points[hash_of("token")] = make_point("token")

        assert admitted(roster, "token") == "token"


def test_what_was_taken_back_is_absent_where_nobody_watches() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, clock):
        admitted(roster, "token")
        postgres.points.clear()
        clock.now += 5.1

        with pytest.raises(NotFoundError):
            admitted(roster, "token")


def test_who_watches_sees_a_change_within_about_a_second() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, _):
        roster.watch()
        admitted(roster, "token")
        postgres.points.clear()
        time.sleep(1.3)
        asked = postgres.asked

        with pytest.raises(NotFoundError):
            admitted(roster, "token")
        assert asked >= 2


def test_who_is_known_gets_in_while_postgres_is_away_and_nobody_else_is_sure() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, clock):
        admitted(roster, "token")
        postgres.away = True

        for _ in range(20):
            clock.now += 60
            assert admitted(roster, "token") == "token"
            with pytest.raises(StoreAwayError):
                admitted(roster, "other")
        postgres.away = False
        clock.now += 60
        with pytest.raises(NotFoundError):
            admitted(roster, "other")


def test_a_token_past_its_end_opens_nothing_while_postgres_is_away() -> None:
    postgres = Postgres("open", "over")
    for token, hours in (("open", 1), ("over", -1)):
        ends = NOW + timedelta(hours=hours)
        postgres.points[hash_of(token)] = replace(make_point(token), closes_at=ends)
    with roster_on(postgres) as (roster, clock):
        admitted(roster, "open")
        postgres.away = True
        clock.now += 60

        assert admitted(roster, "open") == "open"
        with pytest.raises(NotFoundError):
            admitted(roster, "over")


def test_while_postgres_hangs_one_waits_and_the_others_go_on() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, clock), ThreadPoolExecutor(20) as pool:
        admitted(roster, "token")
        postgres.answers.clear()
        clock.now += 60

        waits = sorted(
            pool.map(lambda _: timed(lambda: admitted(roster, "token")), range(20)), reverse=True
        )

        assert 1.5 < waits[0] < 3
        assert waits[-15] < 0.5
        assert timed(lambda: admitted(roster, "token")) < 0.1
        assert postgres.asked == 2


def test_a_flood_of_guesses_is_few_questions_and_keeps_nobody_waiting() -> None:
    postgres = Postgres("token")
    with roster_on(postgres) as (roster, _), ThreadPoolExecutor(32) as pool:
        admitted(roster, "token")

        def guess(number: int) -> None:
            with pytest.raises(NotFoundError):
                admitted(roster, f"guess-{number}")

        took = timed(lambda: list(pool.map(guess, range(640))))

        assert postgres.asked < 2 + took * 50
        assert timed(lambda: admitted(roster, "token")) < 0.1


def test_a_failed_question_answers_for_those_that_come_after_it() -> None:
    postgres = Postgres()
    postgres.away = True
    with roster_on(postgres) as (roster, clock):
        for _ in range(50):
            with pytest.raises(StoreAwayError):
                admitted(roster, "token")
        assert postgres.asked == 1
        clock.now += 2.1
        with pytest.raises(StoreAwayError):
            admitted(roster, "token")
        assert postgres.asked == 2


def test_a_fault_of_ours_is_no_answer_and_is_outlived() -> None:
    postgres = Postgres("token")
    keys, postgres.keys = postgres.keys, None  # type: ignore[assignment]
    with roster_on(postgres) as (roster, clock):
        with pytest.raises(StoreAwayError):
            admitted(roster, "token")
        postgres.keys = keys
        clock.now += 2.1

        assert admitted(roster, "token") == "token"


def test_a_key_opens_while_postgres_is_away_as_long_as_it_is_good_by_its_dates() -> None:
    postgres = Postgres()
    hour = timedelta(hours=1)
    postgres.keys = {
        hash_of("good"): make_key(expires_at=NOW + hour),
        hash_of("expired"): make_key(expires_at=NOW - hour),
        hash_of("revoked"): make_key(revoked_at=NOW - hour),
    }
    with roster_on(postgres) as (roster, clock):
        ring = KeyRing(roster)
        ring.open("good")
        postgres.away = True
        clock.now += 60

        assert ring.open("good").prefix == "rk_test"
        for secret in ("expired", "revoked"):
            with pytest.raises(UnauthorisedError):
                ring.open(secret)
        with pytest.raises(StoreAwayError):
            ring.open("unknown")


def test_nobody_is_known_before_an_answer_and_an_empty_one_is_one() -> None:
    postgres = Postgres()
    postgres.answers.clear()
    with roster_on(postgres) as (roster, _):
        roster.watch()
        assert not roster.is_known()
        postgres.answers.set()
        until = time.monotonic() + 5
        while not roster.is_known():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_where_nobody_watches_it_is_asked_whether_anybody_is_known() -> None:
    postgres = Postgres()
    postgres.away = True
    with roster_on(postgres) as (roster, clock):
        assert not roster.is_known()
        postgres.away = False
        clock.now += 60
        assert roster.is_known()
