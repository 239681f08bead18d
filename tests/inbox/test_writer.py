"""The direct way in: what waits together commits together, and no result is made up."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact
from receiver.inbox import writer as writers
from receiver.inbox.queue import Queue
from receiver.inbox.writer import Writer
from receiver.store.apply import Result
from receiver.store.database import Deadline, connect
from tests.making import make_fact, make_receipt
from tests.store.ledgers import in_domain


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def observer(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


def make_writer(
    url: str, *, patience_seconds: float = 5, name: str = "writer", queue: Queue | None = None
) -> Writer:
    def opened() -> psycopg.Connection[Any]:
        connection = connect(url)
        connection.execute(f"SET application_name = '{name}'")
        return connection

    return Writer(
        opened,
        patience_seconds=patience_seconds,
        deadline_seconds=2 * patience_seconds,
        queue=queue,
    )


def eventually(condition: Callable[[], bool], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def make_facts(domain: str, count: int) -> Sequence[Fact]:
    facts = [
        make_fact(make_receipt(f"{domain}-{number}", "Delivered"), number=number)
        for number in range(count)
    ]
    return in_domain(facts, domain)


def count(connection: psycopg.Connection[Any], domain: str) -> int:
    found = connection.execute("SELECT count(*) FROM receipts WHERE domain = %s", [domain])
    return int(found.fetchone()[0])  # type: ignore[index]


def transactions(connection: psycopg.Connection[Any], domain: str) -> int:
    """How many transactions wrote the receipts of a domain."""
    query = "SELECT count(DISTINCT xmin::text) FROM receipts WHERE domain = %s"
    return int(connection.execute(query, [domain]).fetchone()[0])  # type: ignore[index]


def test_each_waiter_gets_its_own_results(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    writer = make_writer(database_url)
    facts = make_facts(domain, 200)

    with ThreadPoolExecutor(40) as pool:
        results = list(pool.map(lambda fact: writer.put([fact]), facts))

    assert [[each.id for each in result] for result in results] == [[fact.id] for fact in facts]
    assert count(observer, domain) == 200
    assert transactions(observer, domain) < 100  # alone each would have had one of its own


def test_what_is_put_again_is_a_duplicate(database_url: str, domain: str) -> None:
    writer = make_writer(database_url)
    facts = make_facts(domain, 1)

    first, again = writer.put(facts), writer.put(facts)

    assert [first[0].result, again[0].result] == [Result.ACCEPTED, Result.DUPLICATE]


def test_a_store_that_is_not_there_is_said_at_once() -> None:
    writer = make_writer("postgresql://127.0.0.1:1/none")

    begun = time.monotonic()
    with pytest.raises(StoreAwayError):
        writer.put(make_facts("away", 1))

    assert time.monotonic() - begun < 2


def test_a_connection_that_died_is_replaced_unnoticed(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    writer = make_writer(database_url, name=domain)
    one, other = make_facts(domain, 2)
    writer.put([one])
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    assert observer.execute(terminate, [domain]).rowcount == 1

    assert writer.put([other])[0].result is Result.ACCEPTED
    assert count(observer, domain) == 2


def test_a_store_that_does_not_answer_is_given_up_and_comes_back(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    writer = make_writer(database_url, patience_seconds=0.5)
    facts = make_facts(domain, 3)
    with observer.transaction():
        observer.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        with pytest.raises(StoreAwayError):
            writer.put(facts[:1])
        assert 0.5 < time.monotonic() - begun < 1.5
        with pytest.raises(StoreAwayError):  # the next one needs not wait to know
            writer.put(facts[1:2])
        assert time.monotonic() - begun < 1.5

    eventually(lambda: writer.is_open)
    assert writer.put(facts[2:])[0].result is Result.ACCEPTED
    assert count(observer, domain) == 2  # the first one was in doubt, and did get through


def test_who_stands_behind_a_batch_that_hangs_is_told_with_it(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    writer = make_writer(database_url, patience_seconds=1)
    waits: dict[Fact, float] = {}

    def put(fact: Fact) -> None:
        begun = time.monotonic()
        with pytest.raises(StoreAwayError):
            writer.put([fact])
        waits[fact] = time.monotonic() - begun

    with observer.transaction():
        observer.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        before, behind = make_facts(domain, 2)
        first, second = (threading.Thread(target=put, args=[fact]) for fact in (before, behind))
        first.start()
        time.sleep(0.6)
        second.start()
        first.join()
        second.join()

    assert waits[behind] < 0.9  # less than its own patience


GATHERING = """
from gevent import monkey; monkey.patch_all()
import sys, time, gevent
from receiver.inbox import writer as writers
from tests.inbox.test_writer import make_facts, make_writer

url, domain = sys.argv[1:]
writers.GATHER_SECONDS = 30
writer = make_writer(url)
alone, *crowd, last = make_facts(domain, 10)
writer.put([alone])  # it connects, and nothing else is to be done: no wait

def come(turns, fact):
    for _ in range(turns):
        gevent.sleep(0)
    writer.put([fact])

began = time.monotonic()
gevent.joinall([gevent.spawn(come, 3 * n, fact) for n, fact in enumerate(crowd)], raise_error=True)
assert time.monotonic() - began < 20  # nobody is at work any more

def spin():
    while True:
        gevent.sleep(0)

writers.GATHER_SECONDS = 0.1
time.sleep(0.1)  # the writer is at rest again
gevent.spawn(spin)
began = time.monotonic()
writer.put([last])
assert 0.1 < time.monotonic() - began < 5
"""


def test_a_batch_gathers_while_its_process_has_other_requests_at_work_but_not_for_long(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    subprocess.run([sys.executable, "-c", GATHERING, database_url, domain], check=True)

    assert count(observer, domain) == 10
    assert transactions(observer, domain) == 3


def test_nothing_to_put_needs_no_store() -> None:
    assert make_writer("postgresql://127.0.0.1:1/none").put([]) == ()


def test_a_log_that_can_t_be_written_does_not_end_the_writer(
    database_url: str, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [True]

    def opened() -> psycopg.Connection[Any]:
        if away:
            away.pop()
            raise StoreAwayError("not yet")
        return connect(database_url)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers, "log", SimpleNamespace(warning=full, exception=full, info=full))
    writer = Writer(opened, patience_seconds=5, deadline_seconds=5)
    facts = make_facts(domain, 1)
    with pytest.raises(StoreAwayError, match="not yet"):
        writer.put(facts)

    eventually(lambda: writer.is_open)
    assert writer.put(facts)[0].result is Result.ACCEPTED


def test_a_server_that_is_silent_is_given_up(database_url: str) -> None:
    connection = psycopg.connect(database_url)

    with pytest.raises(psycopg.OperationalError), Deadline(connection, 0.2):
        connection.execute("SELECT pg_sleep(10)")

    assert connection.closed


def test_a_full_queue_refuses_instead_of_growing(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    writer = make_writer(database_url, queue=Queue(most_facts=3))
    facts = make_facts(domain, 6)
    refusals: list[str] = []

    def put(fact: Fact) -> None:
        try:
            writer.put([fact])
        except StoreAwayError as error:
            refusals.append(str(error))

    with observer.transaction():
        observer.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        threads = [threading.Thread(target=put, args=[fact]) for fact in facts]
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        eventually(lambda: len(refusals) == 2)
    for thread in threads:
        thread.join()

    assert refusals == ["too much is waiting for the store"] * 2
    assert count(observer, domain) == 4


def test_a_dead_line_in_the_middle_of_a_commit_loses_nobody(
    database_url: str, observer: psycopg.Connection[Any], domain: str
) -> None:
    """What hangs longer than the deadline is cut, and the writer goes on over a new line."""
    writer = make_writer(database_url, patience_seconds=0.3, name=domain)
    facts = make_facts(domain, 2)
    lines = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state <> 'idle'"
    with observer.transaction():
        observer.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreAwayError):
            writer.put(facts[:1])
        eventually(lambda: writer.is_open)  # over a new line, while the old one waits for the lock

    assert writer.put(facts[1:])[0].result is Result.ACCEPTED
    eventually(lambda: observer.execute(lines, [domain]).fetchone() == (0,))
