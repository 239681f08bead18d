"""Asking the platform about what is overdue: from the question over a real socket to the ledger."""

import json
import sys
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from receiver.cli.worker import _duties
from receiver.domain.questions import Finding
from receiver.domain.status import DELIVERED, SUBMITTED, UNDELIVERED
from receiver.settings import Settings
from receiver.store import questions
from receiver.store.apply import apply
from receiver.store.database import connect, make_engine
from tests.cli.processes import running
from tests.cli.reconciled import HOUR, NUMBER, T, World, engine, url, world
from tests.cli.test_administration import Call
from tests.conftest import MakeDatabase
from tests.making import START, make_fact, make_receipt, make_send
from tests.platform.standin import says, standing_in, status_of

__all__ = ["engine", "url", "world"]  # fixtures


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
