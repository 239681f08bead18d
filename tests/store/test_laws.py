"""The law of the ledger: it is a function of the set of facts, and of nothing else."""

import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.domain.facts import Fact, Receipt, Send
from receiver.store.apply import Result, apply
from receiver.store.database import connect
from receiver.store.refold import refold
from tests.making import UUIDS, histories, make_fact, make_receipt, make_send
from tests.store.ledgers import folded, in_domain, stored

Batches = Sequence[Sequence[Fact]]
PROCESSES = 4


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[Sequence[Fact], Batches]:
    """Facts, and a way in which they arrive: any order, any repetition, any batching."""
    facts = draw(histories())
    heard = [*draw(st.permutations(facts)), *draw(st.lists(st.sampled_from(facts), max_size=6))]
    batches: list[list[Fact]] = [[]]
    for fact in heard:
        batches[-1].append(fact)
        if draw(st.booleans()):
            batches.append([])
    return facts, [batch for batch in batches if batch]


def families(connection: psycopg.Connection[Any], domain: str) -> set[tuple[str, str]]:
    found = connection.execute(
        "SELECT DISTINCT domain, base FROM sends WHERE domain = %s", [domain]
    )
    return {(domain, base) for domain, base in found}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrival=arrivals())
def test_any_order_duplication_and_batching_give_the_fold(
    connection: psycopg.Connection[Any], arrival: tuple[Sequence[Fact], Batches]
) -> None:
    facts, batches = arrival
    domain = uuid.uuid4().hex
    for batch in batches:
        apply(connection, in_domain(batch, domain))
    applied = stored(connection, domain)

    refold(connection, families(connection, domain))

    assert applied == folded(in_domain(facts, domain), domain)
    assert stored(connection, domain) == applied


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        yield pool


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrival=arrivals(), data=st.data())
def test_processes_applying_at_once_leave_the_fold(
    database_url: str,
    connection: psycopg.Connection[Any],
    processes: ProcessPoolExecutor,
    arrival: tuple[Sequence[Fact], Batches],
    data: st.DataObject,
) -> None:
    facts, batches = arrival
    domain = uuid.uuid4().hex
    shares: list[list[list[Fact]]] = [[] for _ in range(PROCESSES)]
    for batch in [*batches, *batches[:3]]:
        data.draw(st.sampled_from(shares)).append(in_domain(batch, domain))

    for done in [processes.submit(apply_all, database_url, share) for share in shares]:
        assert Result.QUARANTINED not in done.result(timeout=60)

    applied = stored(connection, domain)
    refold(connection, families(connection, domain))
    assert applied == folded(in_domain(facts, domain), domain)
    assert stored(connection, domain) == applied


def test_many_processes_on_the_same_sends_lose_nothing(
    database_url: str, connection: psycopg.Connection[Any], processes: ProcessPoolExecutor
) -> None:
    domain = uuid.uuid4().hex
    facts = in_domain(storm(), domain)
    shares = [random.Random(seed).sample(facts, len(facts)) for seed in range(PROCESSES)]

    for done in [processes.submit(apply_all, database_url, in_batches(share)) for share in shares]:
        assert Result.QUARANTINED not in done.result(timeout=100)

    assert stored(connection, domain) == folded(facts, domain)


def test_processes_opening_the_same_send_at_once_all_take_their_fact(
    database_url: str, connection: psycopg.Connection[Any], processes: ProcessPoolExecutor
) -> None:
    domain = uuid.uuid4().hex
    states = ("Submitted", "Delivered", "Read", "Clicked")
    shares = [
        [in_domain([make_fact(make_receipt(f"t-{n}", state))], domain) for n in range(250)]
        for state in states
    ]

    for done in [processes.submit(apply_all, database_url, share) for share in shares]:
        assert set(done.result(timeout=100)) == {Result.ACCEPTED}

    everything = [fact for share in shares for batch in share for fact in batch]
    assert stored(connection, domain) == folded(everything, domain)


def storm() -> Sequence[Fact]:
    """300 sends to one or two people, each with receipts of three states, some batches of many."""
    bodies: list[Receipt | Send] = []
    for number in range(300):
        transid = f"{UUIDS[0][:-3]}{number // 3:03}" + ("", "_1", "_2")[number % 3]
        people = [f"4477009{number:05}", f"4477008{number:05}"][: 1 + number % 2]
        bodies.append(make_send(transid, *people))
        bodies += [
            make_receipt(transid, status, person)
            for status in ("Submitted", "Delivered", "Failed")
            for person in people
        ]
    return [make_fact(body, number=number) for number, body in enumerate(bodies)]


def in_batches(facts: Sequence[Fact]) -> list[Sequence[Fact]]:
    return [facts[at : at + 100] for at in range(0, len(facts), 100)]


def apply_all(url: str, batches: Batches) -> list[Result]:
    with connect(url) as connection:
        return [each.result for batch in batches for each in apply(connection, batch)]
