"""The ledger that is loaded by COPY is the one that the same receipts make when they come in."""

from datetime import date
from itertools import islice
from uuid import UUID, uuid4

import pytest

from bench.growth.check import UnlikeError, check
from bench.growth.filling import fill
from bench.growth.histories import Histories, transid_of
from bench.growth.plan import Plan
from bench.growth.questions import KINDS, Questions
from receiver.store.apply import Result, apply
from receiver.store.database import connect
from tests.conftest import MakeDatabase
from tests.making import make_fact, make_receipt
from tests.web.service import make_caller, running

TODAY = date(2026, 11, 22)


def test_what_is_copied_is_what_the_code_writes_and_a_difference_is_noticed(
    make_database: MakeDatabase, postgres_url: str
) -> None:
    url, histories = make_database(), Histories(Plan(20, TODAY, number_of_days=2), uuid4())

    fill(url, histories)

    assert check(url, histories) == 20
    with connect(url) as connection:
        for table, rows in (("sends", 20), ("deliveries", 20), ("receipts", 40)):
            found = connection.execute(f"SELECT count(*), count(DISTINCT transid) FROM {table}")
            assert found.fetchone() == (rows, 20)
        (applied,) = apply(connection, [make_fact(make_receipt("another", "Delivered"))])
        assert applied.result is Result.ACCEPTED
        connection.execute("UPDATE deliveries SET rank = 20 WHERE transid = %s", [transid_of(7)])
    with pytest.raises(UnlikeError):
        check(url, histories)


@pytest.mark.parametrize("deliveries", [7, 20, 1001])
def test_every_history_belongs_to_one_day(deliveries: int) -> None:
    plan = Plan(deliveries, TODAY, number_of_days=7)

    by_day = [number for day in range(7) for number in plan.numbers_of(day)]

    assert by_day == list(range(deliveries))
    assert all(number in plan.numbers_of(plan.day_of(number)) for number in by_day)
    assert plan.days == sorted(plan.days)
    assert max(plan.days) < TODAY


def test_a_history_is_always_the_same() -> None:
    histories = Histories(Plan(100, TODAY), UUID(int=1))
    wanted = ("send_id", "submitted_raw", "delivered_raw")

    (alone,) = histories.of([42], wanted)

    assert alone == list(histories.of(range(100), wanted))[42]
    assert alone["transid"] == transid_of(42)


def test_every_question_finds_something(make_database: MakeDatabase) -> None:
    url, histories = make_database(), Histories(Plan(800, TODAY, number_of_days=4), uuid4())
    fill(url, histories)
    with running(url) as service:
        caller = make_caller(service)
        questions = Questions(
            histories, lambda path: caller.get(path[7:]).json, seed=1, month_days=2
        )
        for kind in KINDS:
            for question in islice(questions.of(kind), 3):
                method = "GET" if question.body is None else "POST"
                answer = caller._open(method, question.path[7:], json=question.body)
                assert answer.status_code == 200, answer.json
                assert answer.json["deliveries" if kind == "look_up" else "items"]
        near, deep = questions.near_page(), questions.deep_page()
        pages = [caller.get(each.path[7:]).json["items"] for each in (near, deep)]

    assert [len(page) for page in pages] == [50, 40]
