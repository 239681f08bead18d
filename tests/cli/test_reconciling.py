"""Asking the platform about what is overdue: from the question over a real socket to the ledger."""

import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.cli.reconciling import TURN_SECONDS, Reconciler
from receiver.cli.restraint import SHORTEST_SECONDS
from receiver.cli.worker import _duties
from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact, Receipt, Send
from receiver.domain.questions import PAUSES, Finding
from receiver.domain.status import DELIVERED, SUBMITTED, UNDELIVERED
from receiver.platform.calling import Heard, ask_status
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import audit, points, questions
from receiver.store.administration import Desk
from receiver.store.apply import apply
from receiver.store.database import connect, make_engine
from receiver.store.overdue import Sweeper
from receiver.store.points import Point
from receiver.store.questions import MOST_WALKED
from tests.cli.processes import running
from tests.cli.test_administration import Call
from tests.conftest import MakeDatabase
from tests.making import START, UUIDS, make_fact, make_receipt, make_send
from tests.platform.standin import StandIn, says, standing_in, status_of

HOUR = timedelta(hours=1)
SEALER = Sealer([b"k" * 32])
NUMBER = "447700900123"
T = UUIDS[0]


@dataclass
class World:
    """A point of its own with overdue sends, the platform, and the clocks of the worker."""

    connection: psycopg.Connection[Any]
    engine: Engine
    platform: StandIn
    domain: str = field(default_factory=lambda: uuid.uuid4().hex)
    seconds: float = 1000.0
    now: datetime = START + 2 * HOUR
    facts_wait: bool = False

    def __post_init__(self) -> None:
        self.point = self.make_point("sms")

    def make_point(self, code: str, *, sealer: Sealer = SEALER, **opts: Any) -> Point:
        given = {
            "code": code,
            "type": "public",
            "token_remote": "service-key",
            "opts": {"platform_url": self.platform.url},
        }
        with Session(self.engine) as session, session.begin():
            desk = Desk(session=session, who=audit.by_shell(), sealing=lambda: sealer)
            desk.create(given, domain=self.domain)
            point = points.get(session, domain=self.domain, code_or_id=code)
        self.change(point, **opts)
        return point

    def change(self, point: Point, **opts: Any) -> None:
        self.connection.execute(
            "UPDATE integration_points SET opts = opts || %s::jsonb WHERE id = %s",
            [json.dumps(opts), point.id],
        )

    def reconciler(self, per_minute: int = 600, *, ask: Any = ask_status) -> Reconciler:
        return Reconciler(
            per_minute,
            SEALER,
            facts_wait=lambda: self.facts_wait,
            ask=ask,
            clock=lambda: self.seconds,
            now=lambda: self.now,
        )

    def fact(self, body: Send | Receipt, **more: Any) -> Fact:
        point = more.pop("point", self.point)
        return make_fact(body, domain=self.domain, point_id=point.id, **more)

    def take(self, *bodies: Send | Receipt, **more: Any) -> None:
        apply(self.connection, [self.fact(body, **more) for body in bodies])

    def late(self, *transids: str, **more: Any) -> None:
        """Make sends that are overdue, in this order."""
        for transid in transids:
            self.take(make_send(transid, NUMBER, channel="sms"), **more)
        Sweeper({"sms": HOUR}, facts_wait=lambda: False).sweep(self.connection, START + 2 * HOUR)

    def turn(self, reconciler: Reconciler) -> dict[str, int]:
        return {str(finding): n for finding, n in reconciler.turn(self.connection).items()}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), {"d": self.domain}).fetchall()

    def delivery(self) -> tuple[Any, ...]:
        (row,) = self.rows(
            "SELECT rank, raw_status, reconciled, overdue FROM deliveries WHERE domain = %(d)s"
        )
        return row

    def asked(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT asked_as, finding, http, code FROM questions q JOIN sends s"
            " ON s.seq = q.send_seq WHERE s.domain = %(d)s ORDER BY q.asked_at, q.id"
        )

    def receipts(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT source, raw_status, raw FROM receipts WHERE domain = %(d)s")


@pytest.fixture(scope="module")
def url(make_database: MakeDatabase) -> str:
    """A database of our own: in any other, others' sends are overdue too."""
    return make_database()


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(url: str, engine: Engine) -> Iterator[World]:
    with connect(url) as connection, standing_in() as platform:
        yield World(connection, engine, platform)
        connection.execute("UPDATE integration_points SET deleted_at = now()")


def test_what_the_platform_answers_becomes_the_status(world: World) -> None:
    world.late(T)
    said = status_of(T, "delivered", error_message="ok")
    world.platform.otherwise = says([said])

    assert world.turn(world.reconciler()) == {"told": 1}

    assert world.delivery() == (DELIVERED.rank, "delivered", True, False)
    assert world.receipts() == [("reconciled", "delivered", json.dumps(said).encode())]
    assert world.asked() == [(T, "told", 200, "")]
    assert (world.platform.asked, world.platform.keys) == ([T], ["service-key"])


def test_the_platforms_own_receipt_of_equal_rank_wins_when_it_comes_later(world: World) -> None:
    world.late(T)
    world.platform.otherwise = says([status_of(T, "delivered", error_code="7500")])
    world.turn(world.reconciler())

    world.take(make_receipt(T, "Delivered", code=""))

    assert world.delivery() == (DELIVERED.rank, "Delivered", False, False)


def test_and_it_wins_where_it_was_there_before(world: World) -> None:
    world.late(T)
    world.take(make_receipt(T, "Submitted", code=""))
    world.platform.otherwise = says([status_of(T, "sent", error_code="7501")])

    assert world.turn(world.reconciler()) == {"told": 1}

    assert world.delivery() == (SUBMITTED.rank, "Submitted", False, True)


def test_an_answer_of_a_higher_rank_wins_over_a_receipt(world: World) -> None:
    world.late(T)
    world.take(make_receipt(T, "Submitted"))
    world.platform.otherwise = says([status_of(T, "expired")])

    world.turn(world.reconciler())

    assert world.delivery() == (UNDELIVERED.rank, "expired", True, False)


def test_what_is_unknown_by_one_name_is_asked_for_by_the_other(world: World) -> None:
    world.late(T)
    world.platform.otherwise = says({"message": "?"}, http=404)
    world.platform.answers[f"{T}_0"] = says([status_of(f"{T}_0", "delivered")])

    assert world.turn(world.reconciler()) == {"unknown": 1, "told": 1}

    assert world.asked() == [(T, "unknown", 404, ""), (f"{T}_0", "told", 200, "")]
    assert world.delivery() == (DELIVERED.rank, "delivered", True, False)


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


def test_the_same_answer_again_is_the_same_fact(world: World) -> None:
    world.late("otp-17")
    reconciler = world.reconciler()
    first = [status_of("otp-17", "sent"), status_of("otp-17", "sent", to="447700900999")]
    world.platform.otherwise = says(first)
    world.turn(reconciler)

    world.platform.otherwise = says(list(reversed(first)))
    world.now, world.seconds = world.now + HOUR, world.seconds + 60
    assert world.turn(reconciler) == {"told": 1}

    kept = world.rows("SELECT DISTINCT digest FROM receipts WHERE domain = %(d)s")
    assert len(kept) == 2


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


def test_an_answer_of_another_transaction_writes_nothing(world: World) -> None:
    world.late(T)
    world.take(make_receipt("another", "Submitted"))
    world.platform.otherwise = says([status_of("another", "delivered")])

    world.turn(world.reconciler())

    assert world.rows("SELECT raw_status FROM receipts WHERE domain = %(d)s") == [("Submitted",)]
    assert {finding for _, finding, *_ in world.asked()} == {"nothing"}


def test_an_unknown_status_is_kept_as_it_came(world: World) -> None:
    world.late("t-1")
    world.platform.otherwise = says([status_of("t-1", "Wobbled")])

    assert world.turn(world.reconciler()) == {"told": 1}

    query = "SELECT raw_status, also FROM deliveries WHERE domain = %(d)s"
    assert world.rows(query) == [("", "Wobbled")]


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


def test_questions_are_kept_as_long_as_their_send(world: World) -> None:
    world.late("t-1", "t-2")
    world.turn(world.reconciler())

    world.rows("DELETE FROM deliveries WHERE domain = %(d)s AND transid = 't-1' RETURNING 1")
    world.rows("DELETE FROM sends WHERE domain = %(d)s AND transid = 't-1' RETURNING 1")

    assert [name for name, *_ in world.asked()] == ["t-2"]
    assert questions.begin(world.connection, -1, asked_as="t-1", asked_at=START) is None


def test_every_question_counts(world: World) -> None:
    def counted() -> dict[str, int]:
        with Session(world.engine) as session:
            return dict(questions.counts(session))

    before = counted()
    world.late(T)
    world.platform.otherwise = says(b"", http=404)
    world.turn(world.reconciler())

    after = counted()
    assert set(after) == set(Finding)
    assert {name: n - before[name] for name, n in after.items() if n != before[name]} == {
        "unknown": 2
    }


def test_from_the_command_to_the_ledger(
    make_database: MakeDatabase, call: Call, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    more = {"DATABASE_URL": url, "RECEIVER_RECONCILE": "60", "RECEIVER_PATIENCE": "sms=1s"}
    more["RECEIVER_PLATFORM_PRIVATE"] = "true"
    with standing_in() as platform, connect(url) as connection:
        platform.otherwise = says([status_of("t-1", "delivered")])
        monkeypatch.setattr(sys, "stdin", StringIO("service-key\n"))
        call("points", "add", "sms", "--platform-url", platform.url, "--platform-key", **more)
        (point,) = json.loads(call("points", "list", "--json", **more).stdout)
        sent = make_send("t-1", NUMBER, channel="sms")
        apply(connection, [make_fact(sent, point_id=uuid.UUID(point["id"]))])

        with running("worker", var=var, **more) as worker:
            worker.wait_for("platform_asked")
        told = json.loads(call("status", "--json", **more).stdout)

    assert platform.keys == ["service-key"]
    assert (point["platform_url"], point["platform_key"]) == (platform.url, True)
    assert (told["reconcile_per_minute"], told["questions"], told["questions_told"]) == (60, 1, 1)
    for private in ("service-key", NUMBER, "t-1"):
        assert private not in worker.output


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    engine = make_engine("postgresql://nowhere")

    def names(**more: Any) -> set[str]:
        return {duty.name for duty in _duties(Settings(var_dir=tmp_path, **more), engine)}

    assert "reconciliation" not in names()
    assert not (tmp_path / "secret.key").exists()
    assert names(reconcile=1) - names() == {"reconciliation"}
