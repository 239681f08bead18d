"""Whom the platform is asked about, how often, and when it is left alone."""

import uuid
from datetime import timedelta

import pytest

from receiver.cli.reconciling import TURN_SECONDS
from receiver.cli.restraint import SHORTEST_SECONDS
from receiver.domain.errors import StoreAwayError
from receiver.domain.questions import PAUSES
from receiver.platform.calling import Heard, ask_status
from receiver.sealing import Sealer
from receiver.store.questions import MOST_WALKED
from tests.cli.reconciled import HOUR, NUMBER, SEALER, World, engine, url, world
from tests.making import make_receipt, make_send
from tests.platform.standin import says, standing_in, status_of

__all__ = ["engine", "url", "world"]  # fixtures


def test_a_send_is_asked_about_a_few_times_and_then_left(world: World) -> None:
    world.late("otp-17")
    reconciler = world.reconciler()
    world.platform.otherwise = says([status_of("otp-17", "sent")])

    for pause in (*PAUSES, HOUR):
        for _ in range(3):
            world.turn(reconciler)
            world.seconds += 60
        world.now += pause
    world.now += timedelta(days=30)
    world.turn(reconciler)

    assert world.platform.asked == ["otp-17"] * (len(PAUSES) + 1)


def test_no_more_is_asked_than_may_be(world: World) -> None:
    world.late("t-1", "t-2", "t-3")
    reconciler = world.reconciler(per_minute=2)

    asked = []
    for seconds in (0, 29, 1, 29, 1, 29):
        world.seconds += seconds
        world.turn(reconciler)
        asked.append(len(world.platform.asked))

    assert asked == [1, 1, 2, 2, 3, 3]
    assert world.platform.asked == ["t-1", "t-2", "t-3"]


def test_a_turn_with_a_slow_platform_ends_in_time(world: World) -> None:
    world.late("t-1", "t-2", "t-3")

    def slow(*question: str) -> Heard:
        world.seconds += 0.6 * TURN_SECONDS
        return ask_status(*question)

    reconciler = world.reconciler(ask=slow)

    assert world.turn(reconciler) == {"nothing": 2}
    assert world.turn(reconciler) == {"nothing": 1}
    assert world.platform.asked == ["t-1", "t-2", "t-3"]


@pytest.mark.parametrize(
    ("http", "headers", "finding", "seconds"),
    [
        (500, {}, "failed", SHORTEST_SECONDS),
        (301, {"Location": "http://127.0.0.1:1/"}, "failed", SHORTEST_SECONDS),
        (401, {}, "refused", SHORTEST_SECONDS),
        (429, {"Retry_After": "300"}, "busy", 300),
        (503, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "failed", SHORTEST_SECONDS),
        (200, {}, "unreadable", SHORTEST_SECONDS),
    ],
)
def test_a_platform_in_trouble_is_left_alone(
    world: World, http: int, headers: dict[str, str], finding: str, seconds: float
) -> None:
    world.late("t-1", "t-2")
    world.platform.otherwise = says(b"<html>", http=http, **headers)
    reconciler = world.reconciler()

    assert world.turn(reconciler) == {finding: 1}
    world.seconds += seconds - 1
    assert world.turn(reconciler) == {}
    world.seconds += 1
    world.platform.otherwise = says([])
    assert world.turn(reconciler) == {"nothing": 1}

    assert world.platform.asked == ["t-1", "t-2"]
    assert world.asked() == [("t-1", finding, http, ""), ("t-2", "nothing", 200, "")]


def test_nobody_there_is_told_too(world: World) -> None:
    world.late("t-1")
    with standing_in() as gone:
        pass
    world.change(world.point, platform_url=gone.url)

    assert world.turn(world.reconciler()) == {"unreachable": 1}
    assert world.asked() == [("t-1", "unreachable", None, "")]


def test_trouble_of_one_point_is_none_of_anothers(world: World) -> None:
    with standing_in() as other:
        elsewhere = world.make_point("other")
        world.change(elsewhere, platform_url=other.url)
        world.late("t-1", "t-2")
        world.late("t-3", point=elsewhere)
        world.platform.otherwise = says(b"", http=500)

        assert world.turn(world.reconciler()) == {"failed": 1, "nothing": 1}

    assert (world.platform.asked, other.asked) == (["t-1"], ["t-3"])


def test_nobody_is_asked_while_facts_wait(world: World) -> None:
    world.late("t-1")
    world.facts_wait = True

    assert world.turn(world.reconciler()) == {}
    assert world.platform.asked == []


def test_only_what_is_overdue_is_asked_about(world: World) -> None:
    world.take(make_send("young", NUMBER, channel="sms", requested_at=world.now - HOUR / 2))
    world.take(make_send("mail", "a@example.org", channel="email"))
    world.late("late", "done")
    world.take(make_receipt("done", "Delivered"))

    world.turn(world.reconciler())

    assert world.platform.asked == ["late"]


@pytest.mark.parametrize("lack", ["url", "key", "disabled", "deleted", "of-another-key"])
def test_a_point_that_can_t_be_asked_asks_nobody(world: World, lack: str) -> None:
    sealer = Sealer([b"x" * 32]) if lack == "of-another-key" else SEALER
    point = world.make_point("lacking", sealer=sealer, disabled=lack == "disabled")
    world.late("t-1", point=point)
    if lack == "url":
        world.change(point, platform_url="")
    if lack == "key":
        world.connection.execute(
            "UPDATE integration_points SET token_remote = NULL WHERE id = %s", [point.id]
        )
    if lack == "deleted":
        world.connection.execute(
            "UPDATE integration_points SET deleted_at = now() WHERE id = %s", [point.id]
        )

    assert world.turn(world.reconciler()) == {}
    assert (world.platform.asked, world.asked()) == ([], [])


def test_a_name_of_our_own_is_none_that_the_platform_knows(world: World) -> None:
    world.late("sha256:00", "t-1")
    registered = make_send("", NUMBER, channel="sms", registration=uuid.uuid4())
    world.take(registered)
    world.late()

    world.turn(world.reconciler())

    assert world.platform.asked == ["t-1"]


def test_a_question_that_is_the_end_of_us_is_not_asked_again_at_once(world: World) -> None:
    world.late("t-1")

    def fall(*_: str) -> Heard:
        raise StoreAwayError("the worker's connection is lost")

    with pytest.raises(StoreAwayError):
        world.turn(world.reconciler(ask=fall))

    assert world.turn(world.reconciler()) == {}
    assert world.asked() == [("t-1", "open", None, "")]
    world.now += HOUR
    assert world.turn(world.reconciler()) == {"nothing": 1}


def test_whoever_is_behind_many_comes_to_his_turn(world: World) -> None:
    many = [f"4477009{n:05}" for n in range(MOST_WALKED + 1)]
    world.take(make_send("many", *many, channel="sms"))
    world.late("last")

    assert world.turn(world.reconciler()) == {"nothing": 2}
    assert world.platform.asked == ["many", "last"]
