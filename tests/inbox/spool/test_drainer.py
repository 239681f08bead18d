"""Draining: what was spooled becomes the ledger, whoever drains it, however often."""

import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact
from receiver.inbox.spool import Drainer, depth
from receiver.inbox.spool import drainer as drainers
from receiver.inbox.spool.reader import Batches, Reader
from receiver.inbox.spool.segments import APPLIED
from receiver.store.database import connect
from tests.cli.processes import eventually
from tests.inbox.spool.drained import connection, count, domain, drainer_of, make_drainer, spooled
from tests.inbox.spool.spools import SEALER, make_facts, make_spool, names, waiting
from tests.making import histories
from tests.store.ledgers import folded, in_domain, stored

__all__ = ["connection", "domain", "make_drainer"]  # fixtures
Connect = Callable[[], psycopg.Connection[Any]]


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


def test_who_has_lost_the_store_leaves_the_spool_to_who_has_it(
    make_drainer: Callable[..., Drainer],
    connection: psycopg.Connection[Any],
    tmp_path: Path,
    domain: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drainers, "AWAY_SECONDS", 0.5)
    monkeypatch.setattr(drainers, "ROTATE_AWAY_SECONDS", 0.5)
    *facts, last = make_facts(51, domain=domain)
    path = spooled(tmp_path, facts)
    spool = make_spool(tmp_path)
    is_open = iter([True] * 4)
    loser = make_drainer(is_open=lambda: next(is_open, False), batch_facts=1, spool=spool)
    loser.start()
    eventually(lambda: next(is_open, None) is None)
    spool.put([last])

    other = make_drainer()
    eventually(lambda: other.drain() and waiting(tmp_path) == [])

    assert path.name + APPLIED in names(tmp_path)
    assert count(connection, domain) == 51


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
    drainers = [drainer_of(url, directory=directory, batch_facts=batch_facts) for _ in range(3)]
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
