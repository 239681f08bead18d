"""Two ways to be durable: a caller gets its 200 by either, and learns by which."""

import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from receiver.domain.errors import SpoolError, StoreAwayError
from receiver.domain.facts import Quarantined
from receiver.domain.sends import send_id
from receiver.inbox.spool import Drainer, Spool, depth
from receiver.inbox.ways import Inbox, Taken, Way
from receiver.inbox.writer import Writer
from receiver.sealing import Sealer
from receiver.store.apply import Result
from receiver.store.database import connect
from tests.inbox.test_writer import count, eventually, make_facts
from tests.making import make_fact, make_receipt, make_send
from tests.store.ledgers import in_domain

NOWHERE = "postgresql://127.0.0.1:1/none"
SEALER = Sealer([bytes(32)])


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", SEALER, max_bytes=1024 * 1024)


@pytest.fixture
def observer(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


def make_writer(url: str, *, patience_seconds: float = 0.3) -> Writer:
    return Writer(
        partial(connect, url), patience_seconds=patience_seconds, deadline_seconds=patience_seconds
    )


def test_while_the_store_is_there_nothing_is_spooled(
    database_url: str, spool: Spool, tmp_path: Path, domain: str
) -> None:
    taken = Inbox(make_writer(database_url, patience_seconds=5), spool).put(make_facts(domain, 3))

    assert (taken.way, [each.result for each in taken.results]) == (
        Way.DIRECT,
        [Result.ACCEPTED] * 3,
    )
    assert not depth(tmp_path / "spool").facts


def test_with_the_store_away_facts_are_durable_all_the_same(
    spool: Spool, tmp_path: Path, domain: str
) -> None:
    inbox = Inbox(make_writer(NOWHERE), spool)
    facts = make_facts(domain, 3)

    begun = time.monotonic()
    taken = inbox.put(facts)

    assert time.monotonic() - begun < 2
    assert taken.way is Way.SPOOL
    assert [each.id for each in taken.results] == [fact.id for fact in facts]
    assert depth(tmp_path / "spool").facts == 3


def test_the_answers_of_the_spool_are_those_that_the_store_would_give(
    spool: Spool, domain: str
) -> None:
    registration = UUID(int=7 << 76)
    facts = in_domain(
        [
            make_fact(make_send("t-1")),
            make_fact(make_send("", registration=registration), number=1),
            make_fact(make_receipt("t-1", "Delivered"), number=2),
        ],
        domain,
    )
    quarantined = make_fact(Quarantined(reason="not_json"), number=3)  # type: ignore[arg-type]

    taken = Inbox(make_writer(NOWHERE), spool).put([*facts, quarantined])

    assert [each.id for each in taken.results] == [
        send_id(domain, "t-1"),
        registration,
        facts[2].id,
        quarantined.id,
    ]
    assert [each.result for each in taken.results] == [
        *[Result.ACCEPTED] * 3,
        Result.QUARANTINED,
    ]


def test_without_a_spool_the_caller_has_to_come_again(domain: str) -> None:
    with pytest.raises(StoreAwayError):
        Inbox(make_writer(NOWHERE), None).put(make_facts(domain, 1))


def test_when_neither_takes_it_the_caller_has_to_come_again(tmp_path: Path, domain: str) -> None:
    (tmp_path / "spool").write_text("in the way")
    spool = Spool(tmp_path / "spool", SEALER, max_bytes=1024 * 1024)

    with pytest.raises(SpoolError):
        Inbox(make_writer(NOWHERE), spool).put(make_facts(domain, 1))


def test_a_store_that_hangs_costs_a_fact_its_budget_and_the_others_nothing(
    database_url: str,
    spool: Spool,
    tmp_path: Path,
    observer: psycopg.Connection[Any],
    domain: str,
) -> None:
    """What was in doubt is in both, is drained, and counts once."""
    writer = make_writer(database_url)
    inbox = Inbox(writer, spool)
    facts = make_facts(domain, 20)
    taken: list[Taken] = []
    with observer.transaction():
        observer.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        threads = [
            threading.Thread(target=lambda fact=fact: taken.append(inbox.put([fact])))
            for fact in facts
        ]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun

    assert took < 2
    assert [each.way for each in taken] == [Way.SPOOL] * 20

    drainer = Drainer(
        tmp_path / "spool",
        SEALER,
        connect=partial(connect, database_url),
        is_open=lambda: writer.is_open,
        busy=lambda: False,
        kept_seconds=0,
        spool=spool,
    )
    drainer.start()
    eventually(lambda: count(observer, domain) == 20, 10)
    eventually(lambda: not depth(tmp_path / "spool").facts, 10)
    drainer.stop()
    eventually(lambda: writer.is_open)
    assert inbox.put(facts[:1]).results[0].result is Result.DUPLICATE
