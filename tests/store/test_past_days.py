"""Days that go whole: no reader and no writer waits for that, and nothing is gone too early."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from receiver.domain.facts import Fact, Kind, Notice
from receiver.store import partitions
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.partitions import Partition, State
from receiver.store.retention import days, families
from receiver.store.retention.run import Retention, remove
from tests.conftest import MakeDatabase
from tests.making import make_fact, make_receipt
from tests.store.ledgers import in_domain

OLD = date(1999, 5, 1)
NOON = datetime.combine(OLD, time(12), UTC)
DAY = timedelta(days=1)
NOTHING = [0, 0, 0, 0]


@pytest.fixture(scope="module")
def url(make_database: MakeDatabase) -> str:
    return make_database()


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(url) as connection:
        yield connection


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


def partition(connection: psycopg.Connection[Any], day: date = OLD) -> Partition | None:
    """What there is of the receipts of a day."""
    found = partitions.list_(connection, "receipts")
    return next((each for each in found if each.day == day), None)


def go(connection: psycopg.Connection[Any], day: date = OLD, *, may_go: bool = True) -> bool:
    found = partition(connection, day)
    assert found
    return partitions.remove(connection, found, may_go=lambda: may_go)


def receipt(transid: str, domain: str, at: datetime = NOON) -> list[Fact]:
    return in_domain([make_fact(make_receipt(transid, "Delivered"), at=at)], domain)


def message(tid: str, domain: str, at: datetime = NOON, **more: Any) -> Fact:
    body = Notice(kind=Kind.MESSAGE, tid=tid, channel="sms", sender="447700900123", **more)
    fact = make_fact(make_receipt(tid, "Delivered"), at=at)
    return replace(in_domain([fact], domain)[0], id=uuid.uuid4(), body=body)


def test_a_day_goes_beside_a_reader_and_a_writer_and_neither_waits(
    url: str, connection: psycopg.Connection[Any], domain: str
) -> None:
    partitions.ensure_days(connection, [OLD])
    with connect(url) as reader, connect(url) as writer:
        writer.execute("SET lock_timeout = '100ms'")
        with reader.transaction():
            reader.execute("SELECT count(*) FROM receipts")

            assert not go(connection)
            apply(writer, receipt("t-1", domain, datetime.now(UTC)))
            assert reader.execute("SELECT count(*) FROM receipts").fetchone() is not None
            left = partition(connection)
        apply(writer, receipt("t-2", domain, datetime.now(UTC)))

    assert left
    assert left.state is State.DETACHING
    assert go(connection)
    assert partition(connection) is None
    assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)


def test_a_day_that_was_left_detached_is_dropped(connection: psycopg.Connection[Any]) -> None:
    partitions.ensure_days(connection, [OLD])
    connection.execute("ALTER TABLE receipts DETACH PARTITION receipts_19990501 CONCURRENTLY")
    left = partition(connection)
    assert left
    assert left.state is State.DETACHED

    assert go(connection)
    assert partition(connection) is None


def test_a_day_that_is_needed_after_all_is_attached_again(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    apply(connection, receipt("t-1", domain))
    may_go = iter([True, False])  # a fact of that day came while it was detached
    found = partition(connection)
    assert found

    assert not partitions.remove(connection, found, may_go=lambda: next(may_go))

    again = partition(connection)
    assert again
    assert again.state is State.ATTACHED
    counted = connection.execute("SELECT count(*) FROM receipts WHERE domain = %s", [domain])
    assert counted.fetchone() == (1,)


def test_receipts_stay_as_long_as_a_delivery_is_made_of_them(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    keep = {"deliveries": DAY, "receipts": DAY}
    apply(connection, receipt("t-1", domain))
    apply(connection, receipt("t-2", domain, NOON + DAY))
    apply(connection, receipt("t-1", domain, NOON + 3 * DAY))

    list(remove(connection, keep, OLD + 3 * DAY))
    left = connection.execute("SELECT transid FROM deliveries WHERE domain = %s", [domain])
    assert left.fetchall() == [("t-1",)]
    assert partition(connection)
    assert partition(connection, OLD + DAY)
    assert families.needs(connection, OLD)

    list(remove(connection, keep, OLD + 5 * DAY))
    assert partition(connection) is None
    assert partition(connection, OLD + DAY) is None


def test_messages_are_told_of_and_named_by_nothing_before_they_go(
    connection: psycopg.Connection[Any], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "MOST", 2)
    facts = [message(f"m-{n}", domain, transid=f"t-{n}", quoted="q") for n in range(3)]
    apply(connection, [*facts, message("young", domain, NOON + DAY, transid="t-0")])

    gone = list(days.remove(connection, "messages", before=OLD + DAY))

    assert gone == [("messages", 2), ("messages", 1), ("messages_days", 1)]
    told = connection.execute(
        "SELECT cause, unnest(ids) FROM changes WHERE domain = %s AND deleted", [domain]
    )
    assert {id_ for cause, id_ in told if cause == "retention"} == {fact.id for fact in facts}
    left = connection.execute("SELECT name, day FROM mentions WHERE domain = %s", [domain])
    assert left.fetchall() == [("t-0", OLD + DAY)]


def test_a_run_goes_on_where_it_was_and_is_done_for_the_day(
    url: str, connection: psycopg.Connection[Any], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.retention.run.TURN_SECONDS", 0)
    apply(connection, [message("m-1", domain)])
    apply(connection, receipt("t-1", domain))
    connection.execute(
        "INSERT INTO audit_log (at, domain, who_kind, who, verb, kind, ids)"
        " VALUES (%s, %s, 'shell', 'me', 'raw.read', 'receipt', '{}')",
        [NOON, domain],
    )
    retention = Retention({"deliveries": DAY, "receipts": DAY, "messages": DAY, "audit": DAY})
    turns = 0
    while not (removed := retention.work(connection)):
        turns += 1

    assert turns > 3
    assert removed["families"] >= 1
    assert removed["messages"] >= 1
    assert removed["audit"] == 1
    assert removed["receipts_days"] >= 1
    assert partition(connection) is None
    assert retention.work(connection) == {}


def test_a_run_begins_anew_on_another_connection_and_some_time_after_it_failed(
    url: str, connection: psycopg.Connection[Any], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(connection, receipt("t-1", domain))
    retention = Retention({"deliveries": DAY, "receipts": DAY})
    lost = connect(url)
    lost.close()
    with pytest.raises(psycopg.Error):
        retention.work(lost)

    assert retention.work(connection) == {}
    monkeypatch.setattr("receiver.store.retention.run.AGAIN_SECONDS", 0)
    retention._again_at = 0
    assert retention.work(connection)["families"] == 1


def test_what_is_kept_for_ever_stays(connection: psycopg.Connection[Any], domain: str) -> None:
    apply(connection, receipt("t-1", domain))

    list(remove(connection, dict.fromkeys(["deliveries", "receipts", "messages"]), date.max - DAY))

    assert partition(connection)
