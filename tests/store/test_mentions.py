"""What notices name is kept in step with them, and spares looking into every day."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic import command
from msgspec.structs import replace

from receiver.domain.facts import Fact, Kind, Notice, Source, digest_of
from receiver.store import schema
from receiver.store.apply import apply
from receiver.store.database import connect
from tests.conftest import MakeDatabase
from tests.making import START

PLACES = {Kind.MESSAGE: "messages", Kind.EVENT: "platform_events"}
KINDS = tuple(PLACES)


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


def notice(kind: Kind, *, minutes: int = 0, raw: bytes = b"{}", **names: Any) -> Fact:
    return Fact(
        id=uuid.uuid4(),
        domain="default",
        point_id=None,
        source=Source.HOOK,
        accepted_at=START + timedelta(minutes=minutes),
        digest=digest_of("default", None, 0, raw),
        raw=raw,
        body=Notice(kind=kind, sender="447700900123", **names),
    )


def in_domain(fact: Fact, domain: str) -> Fact:
    return replace(fact, domain=domain, digest=digest_of(domain, None, 0, fact.raw))


def mentions(connection: psycopg.Connection[Any], domain: str) -> set[tuple[str, str, str]]:
    """The place, the way and the name of all mentions, each of which must be of a notice."""
    rows = connection.execute(
        """
        SELECT place, how, name, place = n.was FROM mentions m LEFT JOIN (
            SELECT 'messages' AS was, day, sender_key, digest FROM messages
            UNION ALL SELECT 'platform_events', day, sender_key, digest FROM platform_events) n
          ON (n.was, n.day, n.sender_key, n.digest) = (m.place, m.day, m.sender_key, m.digest)
         WHERE domain = %s
        """,
        [domain],
    ).fetchall()
    assert all(found for *_, found in rows)
    return {(place, how, name) for place, how, name, _ in rows}


@pytest.mark.parametrize("kind", KINDS)
def test_a_notice_names_sends_and_its_repetition_no_more(
    connection: psycopg.Connection[Any], kind: Kind
) -> None:
    domain = uuid.uuid4().hex
    fact = in_domain(notice(kind, quoted="q", transid="t", correlationid="c"), domain)
    other = in_domain(notice(kind, raw=b"[]", correlationid="c"), domain)
    silent = in_domain(notice(kind, raw=b"0"), domain)

    apply(connection, [fact, other, silent])
    apply(connection, [replace(fact, id=UUID(int=1), accepted_at=START + timedelta(minutes=9))])

    named = {("quoted", "q"), ("transid", "t"), ("correlationid", "c")}
    assert mentions(connection, domain) == {(PLACES[kind], *each) for each in named}
    asked = "SELECT count(*) FROM mentions WHERE domain = %s"
    assert connection.execute(asked, [domain]).fetchone() == (3,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            {"quoted": "q", "transid": "u"}, {("quoted", "q"), ("transid", "u")}, id="another"
        ),
        pytest.param({"transid": "t"}, {("transid", "t")}, id="one less"),
        pytest.param({"correlationid": "c"}, {("correlationid", "c")}, id="another way"),
        pytest.param({}, set(), id="none"),
    ],
)
def test_an_earlier_copy_that_reads_otherwise_names_what_it_reads(
    connection: psycopg.Connection[Any],
    kind: Kind,
    names: dict[str, Any],
    expected: set[tuple[str, str]],
) -> None:
    domain = uuid.uuid4().hex
    later = in_domain(notice(kind, minutes=9, quoted="q", transid="t", correlationid="c"), domain)
    apply(connection, [later])
    latest = in_domain(notice(kind, minutes=10, transid="no"), domain)

    apply(connection, [in_domain(notice(kind, **names), domain)])
    apply(connection, [latest])

    assert mentions(connection, domain) == {(PLACES[kind], *each) for each in expected}


def test_the_step_that_makes_mentions_finds_those_of_before(make_database: MakeDatabase) -> None:
    url = make_database()
    facts = [
        notice(Kind.MESSAGE, quoted="q", correlationid="c"),
        notice(Kind.EVENT, transid="t", correlationid="c"),
    ]
    with connect(url) as connection:
        apply(connection, facts)
        before = mentions(connection, "default")
    command.downgrade(schema.config_for(url), "0003")
    schema.upgrade(url)

    with connect(url) as connection:
        assert mentions(connection, "default") == before
    assert len(before) == 3
