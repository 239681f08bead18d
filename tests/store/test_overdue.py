"""What becomes overdue, and what ends that."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from receiver.domain.facts import Receipt, Send, State
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.overdue import Sweeper
from receiver.store.refold import refold
from tests.making import START, make_fact, make_receipt, make_send
from tests.store.ledgers import in_domain
from tests.store.test_laws import families

HOUR = timedelta(hours=1)
NOW = START + 2 * HOUR


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


def sweeper(*, facts_wait: bool = False) -> Sweeper:
    return Sweeper({"sms": HOUR}, facts_wait=lambda: facts_wait)


def take(connection: psycopg.Connection[Any], domain: str, *bodies: Receipt | Send) -> None:
    facts = [make_fact(body, number=number) for number, body in enumerate(bodies)]
    apply(connection, in_domain(facts, domain))


def marks(connection: psycopg.Connection[Any], domain: str) -> Mapping[str, bool]:
    query = "SELECT transid, overdue FROM deliveries WHERE domain = %s"
    return {transid: overdue for transid, overdue in connection.execute(query, [domain])}  # noqa: C416


def test_what_is_pending_past_its_patience_is_overdue(
    connection: psycopg.Connection[Any],
) -> None:
    domain = uuid.uuid4().hex
    take(
        connection,
        domain,
        make_receipt("late", "Submitted"),
        make_receipt("done", "Delivered"),
        make_receipt("odd", "Wobbled"),
        make_receipt("mail", "Submitted", channel="email"),
        make_send("young", "447700900123", channel="sms", requested_at=NOW - HOUR / 2),
        make_send("told-late", "447700900123", channel="sms", requested_at=START - 30 * HOUR),
        make_send("never", "447700900123", channel="sms", state=State.REFUSED),
        make_send("elsewhere", "447700900123", channel="sms", reports_elsewhere=True),
    )

    sweeper().sweep(connection, NOW)

    assert {name for name, overdue in marks(connection, domain).items() if overdue} == {
        "late",
        "told-late",
    }


def test_a_sweeper_goes_on_where_it_was(connection: psycopg.Connection[Any]) -> None:
    domain, one = uuid.uuid4().hex, sweeper()
    take(connection, domain, make_receipt("t-1", "Submitted"))

    one.sweep(connection, START + HOUR / 2)
    assert marks(connection, domain) == {"t-1": False}
    one.sweep(connection, START + HOUR)

    assert marks(connection, domain) == {"t-1": True}


def test_what_became_known_late_is_found_by_a_whole_sweep(
    connection: psycopg.Connection[Any],
) -> None:
    domain, one = uuid.uuid4().hex, sweeper()
    one.sweep(connection, NOW)
    take(connection, domain, make_receipt("t-1", "Submitted"))  # from a spool, say

    one.sweep(connection, NOW + HOUR / 2)
    assert marks(connection, domain) == {"t-1": False}
    one.sweep(connection, NOW + HOUR)

    assert marks(connection, domain) == {"t-1": True}


def test_a_send_that_is_being_written_is_passed_over(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    domain = uuid.uuid4().hex
    take(connection, domain, make_receipt("t-1", "Submitted"))
    with connect(database_url) as other, other.transaction():
        other.execute("SELECT 1 FROM sends WHERE domain = %s FOR NO KEY UPDATE", [domain])

        sweeper().sweep(connection, NOW)

    assert marks(connection, domain) == {"t-1": False}


@pytest.mark.parametrize("status", ["Delivered", "Failed", "Wobbled"])
def test_news_takes_the_mark_away_and_folding_anew_keeps_it_so(
    connection: psycopg.Connection[Any], status: str
) -> None:
    domain = uuid.uuid4().hex
    take(connection, domain, make_receipt("t-1", "Submitted"), make_receipt("t-2", "Submitted"))
    sweeper().sweep(connection, NOW)

    take(connection, domain, make_receipt("t-1", status))
    refold(connection, families(connection, domain))

    assert marks(connection, domain) == {"t-1": False, "t-2": True}


def test_it_rests_while_facts_wait(connection: psycopg.Connection[Any]) -> None:
    domain = uuid.uuid4().hex
    take(connection, domain, make_receipt("t-1", "Submitted"))

    assert sweeper(facts_wait=True).sweep(connection, NOW) == 0

    assert marks(connection, domain) == {"t-1": False}


def test_it_is_told_in_the_feed_why(connection: psycopg.Connection[Any]) -> None:
    domain = uuid.uuid4().hex
    take(connection, domain, make_receipt("t-1", "Submitted"))
    sweeper().sweep(connection, NOW)
    take(connection, domain, make_receipt("t-1", "Delivered"))

    causes = connection.execute("SELECT cause FROM changes WHERE domain = %s ORDER BY n", [domain])

    assert [cause for (cause,) in causes] == ["new", "overdue", "changed"]
