"""The law of erasing: whenever it happens among facts that arrive, it leaves the same ledger."""

import ast
import hashlib
import itertools
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import receiver
from receiver.domain.erasure import Erasure
from receiver.domain.errors import SealedError
from receiver.domain.facts import Fact, Receipt, Send
from receiver.domain.persons import Finder, Person
from receiver.domain.sends import send_id
from receiver.sealing import Sealer
from receiver.store import erasures as store
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.erasure_search import Search
from receiver.store.erasures import Erasures, announce
from receiver.store.forgetting import connect_reader, forget
from receiver.store.refold import refold
from tests.making import START, histories, make_fact, make_receipt, make_send
from tests.store.ledgers import stored

WHO = "447700900123"
PERSON = Person.known_by(WHO, [WHO], "GB")
SEALER = Sealer([b"k" * 32])
DAYS = timedelta(days=1)
ORDER = 16
ROOT = Path(receiver.__file__).parent


@pytest.fixture(scope="module")
def url(make_database: Any) -> str:
    made: str = make_database()
    return made


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def reader(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect_reader(url) as connection:
        yield connection


def erase(
    connection: psycopg.Connection[Any],
    reader: psycopg.Connection[Any],
    domain: str,
    *,
    until: datetime = START + 9 * DAYS,
) -> Counter[str]:
    """Erase the person from a domain, as if that were long ago."""
    announced = announce(connection, SEALER, PERSON, domain=domain)
    connection.execute(
        "UPDATE erasures SET erased_at = %s, version = DEFAULT WHERE domain = %s", [until, domain]
    )
    counts: Counter[str] = Counter()
    search = Search(connection=reader, domain=domain, person=PERSON, until=until)
    for _ in forget(connection, search, Erasure(Finder(announced.pseudonyms.get), until), counts):
        pass
    return counts


def ledger(connection: psycopg.Connection[Any], domain: str) -> Any:
    """The ledger with what is random in it made the same."""
    names = connection.execute("SELECT pseudonym FROM erasures WHERE domain = %s", [domain])
    rows = stored(connection, domain)
    for row in rows.values():
        row.update({name: row[name][:ORDER] for name in row if name.endswith("_digest")}, id=None)
    said = repr(sorted(rows.items(), key=repr))
    for number, (name,) in enumerate(sorted(names, key=lambda row: (len(row[0]), row))):
        said = said.replace(name, f"person {number}")
    return said.replace(domain, "domain")


def within(domain: str, facts: Sequence[Fact]) -> Sequence[Fact]:
    """The same facts in another domain, by digests in the same order: where all else is even."""
    own = hashlib.sha256(domain.encode()).digest()[:ORDER]
    return [replace(f, domain=domain, digest=f.digest[:ORDER] + own) for f in facts]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[Sequence[Sequence[Fact]], int, datetime]:
    """Batches of facts, before which of them the person is erased, and as of when."""
    facts = draw(st.permutations(draw(histories())))
    cuts = sorted(draw(st.lists(st.integers(0, len(facts)), max_size=3)))
    bounds = itertools.pairwise([0, *cuts, len(facts)])
    batches = [facts[a:b] for a, b in bounds if a < b]
    moments = st.sampled_from([START + 9 * DAYS, START + timedelta(minutes=45)])
    return batches, draw(st.integers(0, len(batches))), draw(moments)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrival=arrivals())
def test_before_among_or_after_the_facts_an_erasure_leaves_the_same(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any], arrival: Any
) -> None:
    batches, place, until = arrival
    plain, first, among = (uuid.uuid4().hex for _ in range(3))
    for batch in batches:
        apply(connection, within(plain, batch))
    erasures = Erasures(lambda: SEALER)
    erase(connection, reader, first, until=until)
    for batch in batches:
        apply(connection, within(first, batch), erasures)
    for batch in batches[:place]:
        apply(connection, within(among, batch), erasures)
    erase(connection, reader, among, until=until)
    for batch in batches[place:]:
        apply(connection, within(among, batch), erasures)

    kept = stored(connection, among)
    assert ledger(connection, among) == ledger(connection, first)
    assert len(kept) == len(stored(connection, plain))
    refold(connection, families(connection, among))
    assert stored(connection, among) == kept


def families(connection: psycopg.Connection[Any], domain: str) -> set[tuple[str, str]]:
    found = connection.execute(
        "SELECT DISTINCT domain, base FROM sends WHERE domain = %s", [domain]
    )
    return {(domain, base) for domain, base in found}


def fill(connection: psycopg.Connection[Any], domain: str) -> None:
    facts: list[Receipt | Send] = [
        make_send("t-1", WHO),
        make_receipt("t-1", "Submitted", WHO),
    ]
    apply(connection, within(domain, [make_fact(body) for body in facts]))


def test_deliveries_keep_their_place_and_what_is_said_of_them(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any]
) -> None:
    domain = uuid.uuid4().hex
    fill(connection, domain)
    connection.execute("UPDATE deliveries SET overdue = true WHERE domain = %s", [domain])
    kept = "SELECT seq, known_at, overdue, rank FROM deliveries WHERE domain = %s"
    before = connection.execute(kept, [domain]).fetchall()
    told = "SELECT count(*) FROM changes WHERE domain = %s AND deleted"

    counts = erase(connection, reader, domain)

    assert counts["deliveries"] == 1
    assert connection.execute(kept, [domain]).fetchall() == before
    assert connection.execute(told, [domain]).fetchone() == (0,)


def test_who_did_not_know_of_an_erasure_does_not_commit(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any]
) -> None:
    """What a writer holds at the moment of the erasure comes out erased."""
    domain = uuid.uuid4().hex
    erasures = Erasures(lambda: SEALER)
    erasures.load(connection)
    erase(connection, reader, domain)

    apply(connection, within(domain, [make_fact(make_receipt("t-1", "Read", WHO))]), erasures)

    assert WHO not in repr(stored(connection, domain))
    assert len(stored(connection, domain)) == 2


def test_without_its_key_only_what_is_new_is_applied(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any]
) -> None:
    domain, other = uuid.uuid4().hex, uuid.uuid4().hex
    erase(connection, reader, domain)
    old = make_fact(make_receipt("t-1", "Read", WHO))
    new = make_fact(make_receipt("t-2", "Read", WHO), at=START + 10 * DAYS)

    for strange in (Erasures(), Erasures(lambda: Sealer([b"x" * 32]))):
        with pytest.raises(SealedError, match="RECEIVER_SECRET_KEYS"):
            apply(connection, within(domain, [old]), strange)
        apply(connection, within(domain, [new]), strange)
        apply(connection, within(other, [old]), strange)

    assert {key[1] for key in stored(connection, domain)} == {"t-2"}
    assert {key[1] for key in stored(connection, other)} == {"t-1"}


def test_whoever_applies_knows_of_erasures() -> None:
    calls = [
        (file.name, len(node.args))
        for file in ROOT.rglob("*.py")
        if re.search(r"^from .* import (.*, )?apply$", said := file.read_text(), re.MULTILINE)
        for node in ast.walk(ast.parse(said))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "apply"
    ]

    names = ("draining.py", "importing.py", "reconciling.py", "replaying.py", "writer.py")
    assert sorted(calls) == [(name, 3) for name in names]


def test_nobody_can_tell_from_the_table_who_it_was(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any]
) -> None:
    domain = uuid.uuid4().hex
    erase(connection, reader, domain)
    first = connection.execute(
        "SELECT hash, pseudonym FROM erasures WHERE domain = %s ORDER BY pseudonym", [domain]
    ).fetchall()
    erase(connection, reader, domain)  # the keys have been rotated meanwhile
    rotated = Sealer([b"n" * 32, b"k" * 32])
    again = announce(connection, rotated, PERSON, domain=domain)

    assert [pseudonym for _, pseudonym in first] == sorted(again.pseudonyms.values())
    assert len({hash_ for hash_, _ in first}) == len(PERSON.forms) == 3
    found = store.Known.load(connection, Sealer([b"n" * 32])).finder(domain)
    assert found.name(f"+{WHO}") == again.pseudonyms[WHO]


def test_receipts_of_families_that_are_past_are_erased_too(
    connection: psycopg.Connection[Any], reader: psycopg.Connection[Any]
) -> None:
    domain = uuid.uuid4().hex
    fill(connection, domain)
    for table in ("deliveries", "recordings", "sends"):  # as retention lets a family leave
        connection.execute(f"DELETE FROM {table} WHERE domain = %s".encode(), [domain])
    connection.execute(
        "INSERT INTO past_families VALUES (%s, '2027-01-01')", [send_id(domain, "t-1")]
    )

    counts = erase(connection, reader, domain)
    anew = make_fact(make_send("t-1", WHO), at=START + 10 * DAYS)
    apply(connection, within(domain, [anew]), Erasures(lambda: SEALER))

    assert counts == {"receipts": 1}
    kept = connection.execute("SELECT * FROM receipts WHERE domain = %s", [domain])
    assert WHO not in repr(kept.fetchall())
    assert WHO not in repr(stored(connection, domain))
    assert len(stored(connection, domain)) == 2
