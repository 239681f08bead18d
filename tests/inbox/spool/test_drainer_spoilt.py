"""Draining what can't be drained whole: no other segment waits for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from receiver.inbox.spool import Drainer, depth
from receiver.inbox.spool import drainer as drainers
from receiver.inbox.spool.draining import claimed
from receiver.inbox.spool.segments import APPLIED, DAMAGED, claim
from receiver.sealing import Sealer
from tests.inbox.spool.drained import connection, count, domain, make_drainer, spooled
from tests.inbox.spool.spools import KEY, SEALER, make_facts, make_spool, names, waiting

__all__ = ["connection", "domain", "make_drainer"]  # fixtures


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


def test_what_nobody_wrote_to_ends(make_drainer: Callable[..., Drainer], tmp_path: Path) -> None:
    spooled(tmp_path, make_facts(1)).write_bytes(b"")

    make_drainer().drain()

    assert names(tmp_path) == []


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
