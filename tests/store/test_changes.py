"""The change feed: whoever follows it ends up with the state of everything, and misses nothing."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from receiver.domain.facts import Fact, Kind, Notice
from receiver.store import changes
from receiver.store.apply import apply
from receiver.store.changes import Change, Newest, Place, Wanted
from receiver.store.database import connect, make_engine
from receiver.store.reading import reading
from receiver.store.refold import refold
from tests.conftest import MakeDatabase
from tests.making import START as FIRST
from tests.making import make_fact, make_receipt, make_send
from tests.store.ledgers import in_domain
from tests.store.test_laws import apply_all, families, in_batches, storm

START = Place(0, 0, 0, 0)
HOUR = timedelta(hours=1)
PROCESSES = 3


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


def follow(
    engine: Engine, wanted: Wanted, after: Place = START, *, limit: int = 100
) -> tuple[list[Change], Place]:
    """Everything behind a place, page by page."""
    found: list[Change] = []
    while True:
        with reading(engine) as session:
            page = changes.page(session, wanted, after, limit=limit)
            session.expunge_all()
        found += page.changes
        after = page.last
        if page.is_end:
            return found, after


def statuses(found: Sequence[Change]) -> dict[int | uuid.UUID, tuple[str, int]]:
    return {
        change.name: (change.row.DeliveryRow.destination_key, change.row.DeliveryRow.rank)
        for change in found
        if change.kind == "delivery" and not change.deleted
    }


def present(connection: psycopg.Connection[Any], domain: str) -> dict[Any, tuple[str, int]]:
    rows = connection.execute(
        "SELECT seq, destination_key, rank FROM deliveries WHERE domain = %s", [domain]
    )
    return {seq: (key, rank) for seq, key, rank in rows}


def test_a_reader_beside_several_writers_has_seen_the_last_state_of_everything(
    database_url: str, engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    facts = in_domain(storm(), domain)
    shares = [in_batches(facts[number::PROCESSES]) for number in range(PROCESSES)]
    seen: list[Change] = []
    ended = threading.Event()

    def read() -> None:
        after = START
        while True:
            over = ended.is_set()
            found, after = follow(engine, Wanted(domain=domain), after, limit=37)
            seen.extend(found)
            if over:
                return

    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        reader = threading.Thread(target=read)
        reader.start()
        for done in [processes.submit(apply_all, database_url, share) for share in shares]:
            done.result(timeout=100)
        ended.set()
        reader.join(60)

    gone = {change.name for change in seen if change.deleted}
    assert {n: s for n, s in statuses(seen).items() if n not in gone} == present(connection, domain)
    assert len(present(connection, domain)) == 450


def test_what_a_slow_writer_wrote_is_shown_behind_it_and_never_skipped(
    database_url: str, engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    wanted = Wanted(domain=domain)
    with connect(database_url) as slow:
        slow.execute("BEGIN")
        slow.execute(
            "INSERT INTO changes (domain, kind, deleted, seqs) SELECT %s, 'delivery', true, '{1}'",
            [domain],
        )
        apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain))
        before, after = follow(engine, wanted)
        with reading(engine) as session:
            assert changes.newest(session, [domain]) == {domain: None}
            assert changes.lag_seconds(session) > 0
        slow.execute("COMMIT")

    assert before == []
    found, _ = follow(engine, wanted, after)
    assert [(change.deleted, change.kind) for change in found] == [
        (True, "delivery"),
        (False, "delivery"),
    ]


def test_pages_of_one_cut_through_what_one_statement_wrote(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    facts = [make_fact(make_receipt(f"t-{n}", "Delivered"), number=n) for n in range(5)]
    apply(connection, in_domain(facts, domain))

    singly, _ = follow(engine, Wanted(domain=domain), limit=1)
    together, _ = follow(engine, Wanted(domain=domain))

    assert len(singly) == 5
    assert statuses(singly) == statuses(together) == present(connection, domain)


def test_a_send_that_is_recorded_later_changes_its_deliveries(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    bodies = (make_receipt("t-1", "Delivered"), make_send("t-1", "447700900123"))
    for body in bodies:
        apply(connection, in_domain([make_fact(body)], domain))
    _, after = follow(engine, Wanted(domain=domain))

    send = make_send("t-1", "447700900123", tag="otp")
    apply(connection, in_domain([make_fact(send)], domain))
    found, after = follow(engine, Wanted(domain=domain, tags=["otp"]), after)

    assert [(change.cause, change.row.tag) for change in found] == [("send", "otp")]
    assert follow(engine, Wanted(domain=domain, tags=["other"]), START)[0] == []
    refold(connection, families(connection, domain))
    assert follow(engine, Wanted(domain=domain), after)[0] == []  # nothing is other than it was


def notice(kind: Kind, tid: str) -> Notice:
    return Notice(kind=kind, tid=tid, channel="sms", sender="447700900123", text="yes")


def test_messages_and_events_are_changes_too(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    point = uuid.uuid4()
    kinds = (Kind.MESSAGE, Kind.EVENT, Kind.CALL)
    facts: list[Fact] = [
        make_fact(notice(kind, f"m-{kind}"), number=n, point_id=point)  # type: ignore[arg-type]
        for n, kind in enumerate(kinds)
    ]
    apply(connection, in_domain(facts, domain))

    everything, _ = follow(engine, Wanted(domain=domain))
    messages, _ = follow(engine, Wanted(domain=domain, kinds=["message"]))
    elsewhere, _ = follow(engine, Wanted(domain=domain, point_ids=[uuid.uuid4()]))

    assert sorted((c.kind, c.row.kind) for c in everything) == [
        ("event", "call"),
        ("event", "event"),
        ("message", "message"),
    ]
    assert [change.row.text for change in messages] == ["yes"]
    assert elsewhere == []


def test_an_earlier_copy_of_a_message_takes_the_place_of_the_later(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    later = make_fact(notice(Kind.MESSAGE, "m-1"), number=2, raw=b"m", at=FIRST + HOUR / 2)  # type: ignore[arg-type]
    apply(connection, in_domain([later], domain))
    seen, after = follow(engine, Wanted(domain=domain))
    earlier = make_fact(notice(Kind.MESSAGE, "m-1"), number=1, raw=b"m", at=FIRST)  # type: ignore[arg-type]
    apply(connection, in_domain([earlier], domain))

    told, _ = follow(engine, Wanted(domain=domain), after)

    assert sorted((change.deleted, change.name) for change in told) == [
        (False, earlier.id),
        (True, seen[0].name),
    ]


def test_a_follower_of_a_quiet_domain_misses_nothing_and_is_told_so(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], uuid.uuid4().hex))
    connection.execute("DELETE FROM deliveries WHERE transid = 't-1' AND domain <> %s", [domain])
    _, after = follow(engine, Wanted(domain=domain))

    while changes.forget_deletions(connection, before=datetime.now(UTC) + timedelta(hours=1)):
        pass

    with reading(engine) as session:
        assert changes.feed(session).is_good(after)


def test_what_would_lose_a_deletion_is_refused(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain))
    both = "WITH gone AS (DELETE FROM deliveries WHERE domain = %(d)s) "

    for statement in ("", both):
        with pytest.raises(psycopg.errors.RaiseException, match="before their sends"):
            connection.execute(f"{statement}DELETE FROM sends WHERE domain = %(d)s", {"d": domain})

    connection.execute("DELETE FROM deliveries WHERE domain = %s", [domain])
    connection.execute("DELETE FROM sends WHERE domain = %s", [domain])


def test_deletions_are_told_until_they_are_forgotten(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain))
    with reading(engine) as session:
        began = changes.feed(session).start
    found, after = follow(engine, Wanted(domain=domain), began)
    before = found[-1].after

    connection.execute("DELETE FROM deliveries WHERE domain = %s", [domain])
    deleted, deleted_at = follow(engine, Wanted(domain=domain), after)
    only, _ = follow(engine, Wanted(domain=domain, kinds=["deletion"]), began)
    with reading(engine) as session:
        assert changes.feed(session).is_good(after)
    while changes.forget_deletions(connection, before=datetime.now(UTC) + timedelta(hours=1)):
        pass

    assert [change.deleted for change in deleted] == [True]
    assert [change.name for change in only] == [deleted[0].name]
    with reading(engine) as session:
        feed = changes.feed(session)
        assert not feed.is_good(before)  # who goes on from there would keep what is gone
        assert feed.is_good(deleted_at)
        assert feed.is_good(feed.start)
        assert feed.is_good(feed.now)
        assert not feed.is_good(Place(feed.end + 1, 0, 0, feed.end + 1))  # of another database


def test_who_follows_deletions_does_not_read_all_else_again_and_again(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    facts = [make_fact(make_receipt(f"t-{n}", "Delivered"), number=n) for n in range(3)]
    apply(connection, in_domain(facts, domain))
    wanted = Wanted(domain=domain, kinds=["deletion"])

    found, after = follow(engine, wanted)
    connection.execute("DELETE FROM deliveries WHERE domain = %s", [domain])

    assert (found, after > START) == ([], True)
    assert len(follow(engine, wanted, after)[0]) == 3


def test_a_log_from_another_server_is_begun_anew(make_database: MakeDatabase) -> None:
    with connect(make_database()) as connection:
        assert not changes.mend(connection)
        apply(connection, [make_fact(make_receipt("t-1", "Delivered"))])
        before = connection.execute("SELECT generation FROM feed").fetchone()
        connection.execute("UPDATE changes SET xid = xid + 1000000")

        assert changes.mend(connection)

        assert not changes.mend(connection)
        assert connection.execute("SELECT generation FROM feed").fetchone() != before
        assert connection.execute("SELECT count(*) FROM changes").fetchone() == (1,)


def test_a_reader_learns_of_a_commit_by_the_newest_change(
    engine: Engine, connection: psycopg.Connection[Any], domain: str
) -> None:
    def newest() -> Newest:
        with reading(engine) as session:
            return changes.newest(session, [domain])[domain]

    before = newest()
    apply(connection, in_domain([make_fact(make_receipt("t-1", "Delivered"))], domain))
    until = time.monotonic() + 5
    while newest() == before:
        assert time.monotonic() < until

    assert before is None
