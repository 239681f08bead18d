"""Whether a lost notification is noticed, and one that is kept twice."""

import pytest

from bench.accounting import Account, account, faults
from bench.figures import Spread
from receiver.store.apply import apply
from receiver.store.database import connect
from tests.conftest import MakeDatabase
from tests.making import make_fact, make_receipt

TABLES = ("receipts", "deliveries")


def test_what_is_missing_is_lost_and_what_is_there_again_is_doubled(
    make_database: MakeDatabase,
) -> None:
    url = make_database()
    kept = [make_receipt(transid, "Delivered") for transid in ("once", "twice")]
    again = make_receipt("twice", "Submitted")
    with connect(url) as connection:
        apply(connection, [make_fact(each, number=n) for n, each in enumerate([*kept, again])])

    found = account(url, ["once", "twice", "gone"], tables=TABLES, patience_seconds=0)

    assert found == Account(answered=3, lost=1, doubled=1)
    assert account(url, ["once"], tables=TABLES) == Account(answered=1, lost=0, doubled=0)


@pytest.mark.parametrize(
    ("account", "refused", "said"),
    [
        pytest.param(Account(answered=3, lost=0, doubled=0), {}, [], id="all is well"),
        pytest.param(Account(answered=3, lost=2, doubled=0), {}, ["a lost 2"], id="lost"),
        pytest.param(
            Account(answered=3, lost=0, doubled=1), {}, ["a kept 1 more than once"], id="doubled"
        ),
        pytest.param(
            Account(answered=3, lost=0, doubled=0),
            {503: 4, 0: 1},
            ["a answered 503 4 times", "a answered nothing 1 times"],
            id="refused",
        ),
    ],
)
def test_what_makes_a_run_fail_is_said(
    account: Account, refused: dict[int, int], said: list[str]
) -> None:
    assert faults({"a": account}, {"a": refused}) == said


def test_ratios_are_of_the_same_round() -> None:
    ratio = Spread.of_ratios([50, 100, 10], [100, 100, 40])

    assert ratio == Spread(median=0.5, least=0.25, most=1.0)
