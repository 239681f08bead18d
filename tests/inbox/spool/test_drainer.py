"""Draining: what was spooled becomes the ledger, whoever drains it, however often."""

import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact
from receiver.inbox.spool import Drainer, depth
from receiver.inbox.spool import drainer as drainers
from receiver.inbox.spool.draining import claimed
from receiver.inbox.spool.reader import Batches, Reader
from receiver.inbox.spool.segments import APPLIED, DAMAGED, claim
from receiver.sealing import Sealer
from receiver.store.database import connect
from tests.cli.processes import eventually
from tests.inbox.spool.spools import (
    KEY,
    SEALER,
    make_facts,
    make_spool,
    names,
    put_each,
    waiting,
)
from tests.making import histories
from tests.store.ledgers import folded, in_domain, stored

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def make_drainer(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Drainer]]:
    made: list[Drainer] = []

    def make(**more: Any) -> Drainer:
        drainer = _drainer(database_url, **({"directory": tmp_path} | more))
        made.append(drainer)
        return drainer

    yield make
    for drainer in made:
        drainer.stop()
        drainer._disconnect()


def _drainer(url: str, *, directory: Path, sealer: Sealer = SEALER, **more: Any) -> Drainer:
    given: dict[str, Any] = {
        "connect": partial(connect, url),
        "is_open": lambda: True,
        "busy": lambda: False,
        "kept_seconds": 3600,
    }
    return Drainer(directory, sealer, **given | more)


def spooled(directory: Path, facts: Sequence[Fact]) -> Path:
    """A segment of one fact a record."""
    before = set(waiting(directory))
    spool = make_spool(directory)
    put_each(spool, facts)
    spool.close()
    (path,) = set(waiting(directory)) - before
    return path


def count(connection: psycopg.Connection[Any], domain: str) -> int:
    found = connection.execute("SELECT count(*) FROM receipts WHERE domain = %s", [domain])
    return int(found.fetchone()[0])  # type: ignore[index]


def test_a_segment_is_applied_and_kept(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    facts = make_facts(20, domain=domain)
    path = spooled(tmp_path, facts)

    assert make_drainer().drain()

    assert stored(connection, domain) == folded(facts, domain)
    assert names(tmp_path) == [path.name + APPLIED]
    assert depth(tmp_path).facts == 0
    assert not make_drainer().drain()


@pytest.mark.parametrize("busy", [False, True])
def test_it_drains_by_itself_as_long_as_the_store_is_there(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
    *,
    busy: bool,
) -> None:
    is_open = threading.Event()
    spool = make_spool(tmp_path)
    spool.put(make_facts(200, domain=domain))
    drainer = make_drainer(is_open=is_open.is_set, busy=lambda: busy, spool=spool, kept_seconds=0.1)
    drainer.start()
    drainer.start()
    time.sleep(0.2)
    assert count(connection, domain) == 0

    is_open.set()  # it ends the segment that is being written, and deletes it in the end

    eventually(lambda: count(connection, domain) == 200)
    eventually(lambda: names(tmp_path) == [])
    drainer.stop()


def test_damage_does_not_stop_the_others(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    facts = make_facts(9, domain=domain)
    damaged, whole = spooled(tmp_path, facts[:6]), spooled(tmp_path, facts[6:])
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)

    assert make_drainer().drain()

    assert count(connection, domain) == 8
    assert names(tmp_path) == [damaged.name + DAMAGED, whole.name + APPLIED]
    assert depth(tmp_path).damaged == 1


def test_a_missing_key_is_no_damage(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drainers, "ASIDE_SECONDS", 0)
    facts = make_facts(4, domain=domain)
    other = b"o" * 32
    first = spooled(tmp_path, facts[:2])
    spool = make_spool(tmp_path, sealer=Sealer([other]))
    spool.put(facts[2:])
    spool.close()

    assert make_drainer(sealer=Sealer([other])).drain()
    assert count(connection, domain) == 2
    assert waiting(tmp_path) == [first]

    assert make_drainer(sealer=Sealer([other, KEY])).drain()
    assert count(connection, domain) == 4
    assert waiting(tmp_path) == []
    assert depth(tmp_path).damaged == 0


def test_what_can_be_read_before_a_foreign_record_is_applied(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    """Records are sealed for their place, so one that was moved is not ours to read."""
    facts = make_facts(3, domain=domain)
    path, other = spooled(tmp_path, facts[:2]), spooled(tmp_path, facts[2:])
    path.write_bytes(path.read_bytes() + other.read_bytes())
    other.unlink()

    assert not make_drainer().drain()

    assert count(connection, domain) == 2
    assert waiting(tmp_path) == [path]


def test_what_another_owns_is_left_to_it(
    make_drainer: Callable[..., Drainer], tmp_path: Path
) -> None:
    path = spooled(tmp_path, make_facts(1))
    with claimed(path, SEALER) as draining:
        assert draining is not None
        assert claim(path) is None
        assert not make_drainer().drain()

    assert waiting(tmp_path) == [path]
    assert claim(tmp_path / "none") is None


def test_a_store_that_goes_away_is_waited_for(
    make_drainer: Callable[..., Drainer],
    database_url: str,
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    failures = [StoreAwayError("not yet")] * 3
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"

    def opened() -> psycopg.Connection[Any]:
        if failures:
            raise failures.pop()
        found = connect(database_url)
        found.execute(f"SET application_name = '{domain}'")
        return found

    def interrupted() -> bool:
        if not failures and count(connection, domain) == 4:
            connection.execute(terminate, [domain])
        return True

    spooled(tmp_path, make_facts(8, domain=domain))
    assert make_drainer(connect=opened, is_open=interrupted, batch_facts=4).drain()

    assert count(connection, domain) == 8
    assert waiting(tmp_path) == []


def test_a_segment_that_the_store_does_not_take_makes_way(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drainers, "LONGEST_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(drainers, "SHORTEST_BACKOFF_SECONDS", 0.0)
    refused = spooled(tmp_path, make_facts(2, domain=f"{domain}-refused"))
    spooled(tmp_path, make_facts(2, domain=domain))
    connection.execute(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.domain = '{domain}-refused' THEN RAISE SQLSTATE '58030'; END IF;
        RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION refuse();"""
    )
    try:
        assert make_drainer().drain()
    finally:
        connection.execute("DROP TRIGGER refuse ON receipts; DROP FUNCTION refuse()")

    assert count(connection, domain) == 2
    assert waiting(tmp_path) == [refused]
    assert make_drainer().drain()
    assert count(connection, f"{domain}-refused") == 2


def test_a_stop_in_the_middle_leaves_the_segment(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    path = spooled(tmp_path, make_facts(50, domain=domain))
    is_open = iter([True] * 4)
    drainer = make_drainer(is_open=lambda: next(is_open, False), batch_facts=1)
    drainer.start()
    eventually(lambda: next(is_open, None) is None)
    drainer.stop()

    assert 0 < count(connection, domain) < 50
    assert waiting(tmp_path) == [path]
    assert make_drainer().drain()
    assert count(connection, domain) == 50


def test_what_is_kept_and_applied_again_changes_nothing(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    path = spooled(tmp_path, make_facts(20, domain=domain))
    make_drainer().drain()
    once = stored(connection, domain)

    path.with_name(path.name + APPLIED).rename(path)
    assert make_drainer().drain()

    assert stored(connection, domain) == once


def test_what_nobody_wrote_to_ends(make_drainer: Callable[..., Drainer], tmp_path: Path) -> None:
    spooled(tmp_path, make_facts(1)).write_bytes(b"")

    make_drainer().drain()

    assert names(tmp_path) == []


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories(), data=st.data())
def test_whatever_is_spooled_and_drained_in_any_way_gives_the_fold(
    database_url: str,
    connection: psycopg.Connection[Any],
    history: Sequence[Fact],
    data: st.DataObject,
) -> None:
    domain = uuid.uuid4().hex
    facts = in_domain(history, domain)
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        spools = [make_spool(directory) for _ in range(2)]
        for fact in [*facts, *data.draw(st.lists(st.sampled_from(facts), max_size=4))]:
            spool = data.draw(st.sampled_from(spools))
            spool.put([fact])
            if data.draw(st.booleans()):
                spool.rotate()
        for spool in spools:
            spool.close()
        drain_at_once(database_url, directory, batch_facts=data.draw(st.integers(1, 5)))
        for path in data.draw(st.lists(st.sampled_from(sorted(directory.iterdir())), max_size=2)):
            if path.exists():
                path.rename(path.with_name(path.name.removesuffix(APPLIED)))
        drain_at_once(database_url, directory, batch_facts=3)
        assert waiting(directory) == []

    assert stored(connection, domain) == folded(facts, domain)


def drain_at_once(url: str, directory: Path, *, batch_facts: int) -> None:
    drainers = [_drainer(url, directory=directory, batch_facts=batch_facts) for _ in range(3)]
    threads = [threading.Thread(target=drainer.drain) for drainer in drainers]
    for thread in threads:
        thread.start()
    for drainer, thread in zip(drainers, threads, strict=True):
        thread.join()
        drainer._disconnect()


def test_memory_stays_flat_whatever_waits(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    facts = make_facts(500, raw=bytes(200))
    for _ in range(60):  # some 20 MiB
        spool.put(facts)
    spool.close()

    tracemalloc.start()
    try:
        total = sum(map(read_through, waiting(tmp_path)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert total == 30_000
    assert depth(tmp_path).bytes > 3 * peak_bytes


def read_through(path: Path) -> int:
    with path.open("rb") as file:
        batches = Batches(Reader(file.fileno(), SEALER))
        total = 0
        while taken := len(batches.take(64)):
            assert taken <= 64
            total += taken
        return total


def test_large_facts_travel_in_small_batches(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    for fact in make_facts(7, raw=bytes(1_000_000)):
        spool.put([fact])
    spool.close()
    (path,) = waiting(tmp_path)

    with path.open("rb") as file:
        batches = Batches(Reader(file.fileno(), SEALER))
        assert [len(batches.take(512)) for _ in range(3)] == [5, 2, 0]
        batches = Batches(Reader(file.fileno(), SEALER))
        assert [len(batches.take(2)) for _ in range(2)] == [2, 2]


def test_a_fact_that_nobody_foresaw_keeps_no_other_segment_waiting(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
) -> None:
    late = datetime.max.replace(tzinfo=UTC)  # its partition would end behind the last of all days
    (odd,) = make_facts(1, domain=domain)
    first = spooled(tmp_path, [replace(odd, accepted_at=late)])
    spooled(tmp_path, make_facts(5, domain=domain))

    make_drainer().drain()

    assert count(connection, domain) == 5
    assert [path.name for path in waiting(tmp_path)] == [first.name]
