"""Counts over time: whatever changes the ledger, they say what it holds, folded or not."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from receiver.domain.counts import (
    NEGATIVE,
    PERCENTILE_ERROR,
    Counts,
    bucket_of,
    percentile_ms,
)
from receiver.domain.facts import Fact
from receiver.store import stats
from receiver.store.apply import apply
from receiver.store.database import connect, make_engine
from receiver.store.refold import refold
from receiver.store.stats import DIMENSIONS, NO_POINT, NO_RANK, Asked, Grain, Key
from tests.making import START, make_fact, make_receipt, make_send
from tests.store.ledgers import in_domain
from tests.store.test_laws import arrivals, families

DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
SINCE = START.replace(hour=0) - 7 * DAY


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def asked(domain: str, grain: Grain = Grain.HOUR, by: Sequence[str] = ()) -> Asked:
    return Asked(domain=domain, grain=grain, since=SINCE, until=SINCE + 14 * DAY, by=by)


def answered(session: Session, question: Asked) -> dict[Key, Counts]:
    found = stats.read(session, question)
    session.rollback()
    return {key: counts for key, counts in found.items() if counts.sends or counts.deliveries}


def fold_all(connection: psycopg.Connection[Any]) -> None:
    """Fold what other tests left, too."""
    while stats.fold(connection):
        pass


def counted(connection: psycopg.Connection[Any], question: Asked) -> dict[Key, Counts]:
    """The same, counted one by one in the ledger."""
    found: dict[Key, Counts] = defaultdict(Counts)
    sends = connection.execute(
        """SELECT transid, state, coalesce(requested_at, accepted_at), requested_at,
                  coalesce(point_id, %s), channel, sender, tag
             FROM sends WHERE domain = %s AND (recorded OR reported)""",
        [NO_POINT, question.domain],
    ).fetchall()
    for transid, state, at, requested_at, *shared in sends:
        told = dict(zip(DIMENSIONS, [*shared, NO_RANK, "", ""], strict=True))
        if {"rank", "code", "carrier"}.isdisjoint(question.by):
            key = (question.grain.floor(at), *(told[name] for name in question.by))
            found[key].add_sends(state, 1)
        deliveries = connection.execute(
            """SELECT rank, code, carrier, reached AND missed, overdue, arrived_at
                 FROM deliveries WHERE domain = %s AND transid = %s""",
            [question.domain, transid],
        ).fetchall()
        for rank, code, carrier, conflict, overdue, arrived_at in deliveries:
            told |= {"rank": rank, "code": code, "carrier": carrier}
            key = (question.grain.floor(at), *(told[name] for name in question.by))
            known = arrived_at and requested_at
            latency = (arrived_at - requested_at) / MILLISECOND if known else None
            bucket = None if latency is None else bucket_of(latency)
            found[key].add_deliveries(rank, 1, conflict=conflict, overdue=overdue, latency=bucket)
    return dict(found)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrival=arrivals(), data=st.data())
def test_counts_equal_the_ledger_at_every_step(
    connection: psycopg.Connection[Any],
    session: Session,
    arrival: tuple[Sequence[Fact], Sequence[Sequence[Fact]]],
    data: st.DataObject,
) -> None:
    _, batches = arrival
    domain = uuid.uuid4().hex
    for batch in batches:
        apply(connection, in_domain(batch, domain))
        if data.draw(st.booleans()):
            stats.fold(connection)
        grain = data.draw(st.sampled_from(Grain))
        question = asked(domain, grain, data.draw(st.lists(st.sampled_from([*DIMENSIONS]))))
        assert answered(session, question) == counted(connection, question)

    refold(connection, families(connection, domain))
    everything = asked(domain, Grain.MINUTE, [*DIMENSIONS])
    assert answered(session, everything) == counted(connection, everything)


def test_a_late_receipt_moves_a_delivery_and_a_send_its_orphan(
    connection: psycopg.Connection[Any], session: Session
) -> None:
    domain = uuid.uuid4().hex
    receipt = make_receipt("t-1", "Submitted", provider_at=START)
    apply(connection, in_domain([make_fact(receipt)], domain))
    fold_all(connection)
    (orphan,) = answered(session, asked(domain)).values()

    delivered = make_receipt("t-1", "Delivered", provider_at=START)
    send = make_send("t-1", "447700900123", requested_at=START - DAY, tag="otp")
    apply(connection, in_domain([make_fact(delivered), make_fact(send)], domain))

    assert (orphan.sends, orphan.orphans, orphan.pending, orphan.success) == (1, 1, 1, 0)
    ((at, tag), counts) = next(iter(answered(session, asked(domain, by=["tag"])).items()))
    assert (at, tag) == (START - DAY, "otp")
    assert (counts.sends, counts.orphans, counts.pending, counts.success) == (1, 0, 0, 1)
    assert percentile_ms(counts.latencies, 0.5) == pytest.approx(86_400_000, rel=0.05)


def test_a_domain_sees_its_own_points_only(
    connection: psycopg.Connection[Any], session: Session
) -> None:
    domain, point = uuid.uuid4().hex, uuid.uuid4()
    facts = [
        make_fact(make_receipt(f"t-{n}", "Delivered"), point_id=point if n else None, number=n)
        for n in range(3)
    ]
    apply(connection, in_domain(facts, domain))
    stats.fold(connection)

    narrowed = Asked(
        domain=domain, grain=Grain.DAY, since=SINCE, until=SINCE + 14 * DAY, point_ids=[point]
    )
    assert [each.deliveries for each in answered(session, narrowed).values()] == [2]
    assert [each.deliveries for each in answered(session, asked(domain)).values()] == [3]


def test_minutes_can_be_forgotten_and_hours_stay(
    connection: psycopg.Connection[Any], session: Session
) -> None:
    domain = uuid.uuid4().hex
    apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain))
    fold_all(connection)

    while stats.forget_minutes(connection, before=START + DAY):
        pass

    assert answered(session, asked(domain, Grain.MINUTE)) == {}
    assert [each.deliveries for each in answered(session, asked(domain)).values()] == [1]


def test_minutes_of_long_ago_are_not_told_apart(
    connection: psycopg.Connection[Any], session: Session
) -> None:
    domain = uuid.uuid4().hex
    fold_all(connection)
    for transid, at in (("t-1", START), ("t-2", START - DAY)):
        send = make_send(transid, "447700900123", requested_at=at)
        apply(connection, in_domain([make_fact(send)], domain))

    while stats.fold(connection, minutes_since=START):
        pass

    told = {grain: answered(session, asked(domain, grain)) for grain in Grain}
    assert {grain: [at for (at,) in counts] for grain, counts in told.items()} == {
        Grain.MINUTE: [START],
        Grain.HOUR: [START - DAY, START],
        Grain.DAY: [Grain.DAY.floor(START - DAY), Grain.DAY.floor(START)],
    }


def test_counting_anew_says_the_same(connection: psycopg.Connection[Any], session: Session) -> None:
    domain = uuid.uuid4().hex
    facts = [make_fact(make_receipt(f"t-{n}", "Delivered"), number=n) for n in range(3)]
    apply(connection, in_domain(facts, domain))
    stats.fold(connection)
    before = answered(session, asked(domain, by=["rank", "code"]))

    connection.execute("SELECT derive_anew()")
    again = answered(session, asked(domain, by=["rank", "code"]))
    fold_all(connection)

    assert before == again == answered(session, asked(domain, by=["rank", "code"]))
    assert [counts.deliveries for counts in before.values()] == [3]


@given(latencies=st.lists(st.integers(1, 10**9), min_size=1, max_size=50))
@example(latencies=[34])
def test_a_percentile_is_at_most_five_per_cent_off(latencies: list[int]) -> None:
    counts = Counts()
    for latency in latencies:
        counts.add_deliveries(50, 1, conflict=False, overdue=False, latency=bucket_of(latency))

    for share in (0.5, 0.9, 0.99):
        exact = sorted(latencies)[-(-len(latencies) * int(share * 100) // 100) - 1]
        found = percentile_ms(counts.latencies, share)
        assert found is not None
        assert abs(found - exact) <= exact * PERCENTILE_ERROR + 0.5  # it is in whole milliseconds


@given(latency_ms=st.floats(-10, 10**9))
def test_the_ledger_counts_into_the_buckets_that_are_read(
    connection: psycopg.Connection[Any], latency_ms: float
) -> None:
    microseconds = int(latency_ms * 1000)
    asked_at = datetime(2026, 1, 1, tzinfo=UTC)
    reached_at = asked_at + timedelta(microseconds=microseconds)

    row = connection.execute("SELECT latency_bucket(%s, %s)", [reached_at, asked_at]).fetchone()

    assert row
    assert row[0] == NEGATIVE if microseconds < 0 else abs(row[0] - bucket_of(latency_ms)) <= 1
