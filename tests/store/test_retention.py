"""What goes when its time is over, what stays, and what comes for it afterwards."""

import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact, Receipt, Send
from receiver.domain.identity import base_of
from receiver.store import rows, statements, stats
from receiver.store.apply import Result, apply
from receiver.store.database import connect, make_engine
from receiver.store.refold import refold
from receiver.store.retention import families, logs
from receiver.store.retention.gone import kept_from
from receiver.store.stats import Asked, Grain
from tests.conftest import MakeDatabase
from tests.making import START, histories, make_fact, make_receipt, make_send
from tests.store.ledgers import folded, in_domain, stored
from tests.store.test_laws import families as families_of

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()
UNTIL = date(2100, 1, 1)
#: All that the tests make is before it.
LATER = max(TODAY, START.date()) + 3 * DAY


@pytest.fixture(scope="module")
def url(make_database: MakeDatabase) -> str:
    """A database of its own: what goes goes from all domains."""
    return make_database()


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def session(url: str) -> Iterator[Session]:
    engine = make_engine(url)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


def remove_families(connection: psycopg.Connection[Any], before: date = LATER) -> date:
    """Remove all that are past their time; return the day from which on receipts are needed."""
    removing = families.remove(connection, before=before, until=UNTIL)
    while True:
        try:
            next(removing)
        except StopIteration as end:
            oldest: date = end.value
            return oldest


def take(
    connection: psycopg.Connection[Any],
    domain: str,
    *bodies: Receipt | Send,
    at: datetime = START,
) -> list[Result]:
    facts = [
        make_fact(body, number=number, at=at, raw=f"{at}{body}".encode())
        for number, body in enumerate(bodies)
    ]
    return [each.result for each in apply(connection, in_domain(facts, domain))]


def wait_for_lock(connection: psycopg.Connection[Any]) -> None:
    """Wait until somebody waits for a lock of this connection."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    while connection.execute(query, [connection.info.backend_pid]).fetchone() == (0,):
        time.sleep(0.01)


def insert_alone(connection: psycopg.Connection[Any], fact: Fact) -> None:
    """Keep a receipt, as the apply does of a family that is past: it opens nothing."""
    assert isinstance(fact.body, Receipt)
    placed, raws = rows.with_raw([(rows.receipt_row(fact, fact.body), fact.raw)])
    parameters = {"rows": rows.dumps(placed), "raws": raws}
    found = connection.execute(statements.RECEIVE, parameters).fetchall()
    assert [base for _, base in found] == [None]


def counted(session: Session, domain: str) -> Any:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    asked = Asked(domain=domain, grain=Grain.HOUR, since=since, until=since + 60 * DAY, by=["rank"])
    found = stats.read(session, asked)
    session.rollback()
    return found


def base_of_fact(fact: Fact) -> str:
    """The family that a fact stands in, none completed."""
    assert isinstance(fact.body, Receipt | Send)
    return base_of(fact.body.transid)


def unregistered(facts: Sequence[Fact]) -> list[Fact]:
    """The same facts, none of which moves when another one comes."""
    found = []
    for fact in facts:
        if isinstance(fact.body, Receipt):
            found.append(fact)
        elif isinstance(fact.body, Send) and fact.body.transid:
            found.append(replace(fact, body=replace(fact.body, registration=None)))
    return found


def young_families(facts: Sequence[Fact], before: date) -> set[str]:
    """Those of which a fact is kept that was accepted since; of a recording the first copy is."""
    first: dict[bytes, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.accepted_at):
        if isinstance(fact.body, Send):
            first.setdefault(fact.digest, fact)
    kept = [fact for fact in facts if isinstance(fact.body, Receipt)] + [*first.values()]
    return {base_of_fact(fact) for fact in kept if fact.accepted_at.date() >= before}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=histories().map(unregistered), before=st.integers(21, 25))
def test_a_family_goes_whole_when_all_its_facts_are_old_and_stays_counted(
    connection: psycopg.Connection[Any], session: Session, facts: Sequence[Fact], before: int
) -> None:
    domain, end = uuid.uuid4().hex, date(2026, 11, before)
    facts = in_domain(facts, domain)
    if facts:
        apply(connection, facts)
    before_it = counted(session, domain)

    oldest = remove_families(connection, end)

    young = young_families(facts, end)
    left = [fact for fact in facts if base_of_fact(fact) in young]
    assert stored(connection, domain) == folded(left, domain)
    assert counted(session, domain) == before_it
    needed = [f.accepted_at.date() for f in left if isinstance(f.body, Receipt)]
    assert oldest <= min([end, *needed])


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=histories().map(unregistered), new=histories().map(unregistered), data=st.data())
def test_what_comes_for_a_family_that_is_past_means_the_same_in_any_order(
    connection: psycopg.Connection[Any],
    old: Sequence[Fact],
    new: Sequence[Fact],
    data: st.DataObject,
) -> None:
    domain = uuid.uuid4().hex
    new = [replace(fact, id=uuid.uuid4(), raw=b"again " + fact.raw) for fact in new]
    for fact in in_domain(old, domain):
        apply(connection, [fact])
    remove_families(connection)
    batch: list[Fact] = []
    for fact in data.draw(st.permutations(in_domain(new, domain))):
        batch.append(fact)
        if data.draw(st.booleans()):
            apply(connection, batch)
            batch = []
    if batch:
        apply(connection, batch)

    past = {base_of_fact(fact) for fact in old}
    begun = {base_of_fact(fact) for fact in new if isinstance(fact.body, Send)}
    kept = [fact for fact in old if isinstance(fact.body, Receipt)]
    there = [
        f for f in [*kept, *new] if base_of_fact(f) in begun | ({*map(base_of_fact, new)} - past)
    ]
    assert stored(connection, domain) == folded(in_domain(there, domain), domain)
    refold(connection, families_of(connection, domain))
    assert stored(connection, domain) == folded(in_domain(there, domain), domain)


def presence(connection: psycopg.Connection[Any], domain: str) -> tuple[int, int, int]:
    """How many sends, deliveries and receipts there are."""
    row = connection.execute(
        """SELECT (SELECT count(*) FROM sends WHERE domain = %(d)s),
                  (SELECT count(*) FROM deliveries WHERE domain = %(d)s),
                  (SELECT count(*) FROM receipts WHERE domain = %(d)s)""",
        {"d": domain},
    ).fetchone()
    assert row
    return row[0], row[1], row[2]


def test_a_late_receipt_makes_no_orphan_until_its_family_is_forgotten(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    take(connection, domain, make_receipt("t-1", "Submitted"))
    remove_families(connection)

    late = take(connection, domain, make_receipt("t-1", "Delivered"), at=START + 2 * DAY)
    again = take(connection, domain, make_receipt("t-1", "Delivered"), at=START + 2 * DAY)
    assert (late, again) == ([Result.ACCEPTED], [Result.DUPLICATE])
    assert presence(connection, domain) == (0, 0, 2)

    assert not list(families.forget(connection, today=UNTIL))
    assert list(families.forget(connection, today=UNTIL + DAY))
    take(connection, domain, make_receipt("t-1", "Read"), at=START + 3 * DAY)
    assert presence(connection, domain) == (1, 1, 3)


def test_whoever_begins_a_family_anew_waits_for_a_receipt_that_found_it_past(
    url: str, connection: psycopg.Connection[Any], domain: str
) -> None:
    take(connection, domain, make_receipt("t-1", "Submitted"))
    remove_families(connection)
    send = in_domain([make_fact(make_send("t-1", "447700900123"))], domain)
    with connect(url) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            other.execute("SELECT FROM past_families FOR SHARE")  # as the apply does
            recording = pool.submit(apply, connection, send)
            wait_for_lock(other)
            copied = in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain)
            insert_alone(other, copied[0])
        recording.result()

    statuses = connection.execute("SELECT raw_status FROM deliveries WHERE domain = %s", [domain])
    assert statuses.fetchall() == [("Delivered",)]


def test_a_family_that_is_written_to_stays(
    url: str, connection: psycopg.Connection[Any], domain: str
) -> None:
    take(connection, domain, make_receipt("t-1", "Submitted"))
    with connect(url) as other, other.transaction():
        other.execute("SELECT FROM sends WHERE domain = %s FOR NO KEY UPDATE", [domain])

        assert remove_families(connection) <= START.date()

    assert presence(connection, domain) == (1, 1, 1)


def test_families_go_in_bounded_pieces_by_place_and_by_lateness(
    connection: psycopg.Connection[Any], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"4477009{number:05d}" for number in range(6)]
    sends = [make_send(f"t-{number}", *numbers) for number in range(5)]
    take(connection, domain, *sends)
    take(connection, domain, make_send("now", *numbers), at=datetime.now(UTC))
    remove_families(connection, START.date())  # what others left
    monkeypatch.setattr(families, "MOST", 15)
    monkeypatch.setattr(families, "PIECE", 3)

    gone = list(families.remove(connection, before=LATER, until=UNTIL))

    assert sum(each.number for each in gone) >= 6
    assert max(each.number for each in gone) <= 3
    told = connection.execute(
        "SELECT cardinality(seqs) FROM changes WHERE domain = %s AND deleted", [domain]
    ).fetchall()
    assert sum(seqs for (seqs,) in told) == 36
    assert max(seqs for (seqs,) in told) == 12
    assert presence(connection, domain)[:2] == (0, 0)
    recordings = connection.execute("SELECT FROM recordings WHERE domain = %s", [domain])
    assert recordings.fetchall() == []


def test_what_is_only_a_lock_goes_some_time_after_it_became_known(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    registration = uuid.uuid4()
    take(connection, domain, make_send("", registration=registration))
    take(connection, domain, make_send("t-1", registration=registration))

    remove_families(connection, TODAY)
    left = connection.execute("SELECT transid FROM sends WHERE domain = %s", [domain]).fetchall()
    assert (f"registered:{registration}",) in left
    remove_families(connection)

    assert presence(connection, domain)[0] == 0


def test_the_counts_stay_when_they_are_derived_anew(
    make_database: MakeDatabase, domain: str
) -> None:
    url = make_database()
    engine = make_engine(url)
    with connect(url) as connection, Session(engine) as session:
        take(connection, domain, make_receipt("old", "Delivered"))
        stats.fold(connection)
        remove_families(connection, START.date() + DAY)
        take(connection, domain, make_receipt("new", "Delivered"), at=START + 2 * DAY)
        before = counted(session, domain)

        connection.execute("SELECT derive_anew()")

        assert counted(session, domain) == before
        assert kept_from(session) == {"deliveries": START.date() + DAY}
    engine.dispose()


def test_the_feed_tells_of_deliveries_that_went(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    take(connection, domain, make_receipt("t-1", "Submitted"))
    remove_families(connection)

    told = connection.execute(
        "SELECT kind, cause, deleted FROM changes WHERE domain = %s ORDER BY n", [domain]
    )
    assert told.fetchall() == [("delivery", "new", False), ("delivery", "retention", True)]
    list(logs.remove_changes(connection, before=LATER, messages=[], events=[]))
    told = connection.execute("SELECT deleted FROM changes WHERE domain = %s", [domain])
    assert told.fetchall() == [(True,)]


def test_the_log_keeps_what_speaks_of_something_that_is_left(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    take(connection, domain, make_receipt("t-1", "Submitted"), make_receipt("t-2", "Submitted"))
    query = "DELETE FROM deliveries WHERE domain = %s AND transid = 't-1'"
    connection.execute(query, [domain])

    list(logs.remove_changes(connection, before=LATER, messages=[], events=[]))

    told = connection.execute(
        "SELECT deleted, cardinality(seqs) FROM changes WHERE domain = %s ORDER BY n", [domain]
    )
    assert told.fetchall() == [(False, 2), (True, 1)]
