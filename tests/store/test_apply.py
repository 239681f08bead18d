"""What applying facts does, case by case; the laws say that order never matters."""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec.structs import replace

from receiver.domain import status
from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Destination, Fact, Kind, Notice, Receipt, Send, State
from receiver.domain.sends import send_id
from receiver.store.apply import Result, apply
from receiver.store.database import connect
from receiver.store.refold import refold
from tests.making import START, UUIDS, make_fact, make_receipt, make_send
from tests.store.ledgers import Ledger, in_domain, stored

SEND = UUIDS[0]


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def domain() -> str:
    return uuid.uuid4().hex


def facts_of(*bodies: Receipt | Send) -> list[Fact]:
    return [make_fact(body, number=number) for number, body in enumerate(bodies)]


def orders(facts: Sequence[Fact]) -> Iterator[tuple[str, list[Fact]]]:
    """Every order of some facts, each in a domain of its own."""
    for order in itertools.permutations(facts):
        domain = uuid.uuid4().hex
        yield domain, in_domain(order, domain)


def apply_singly(connection: psycopg.Connection[Any], facts: Sequence[Fact]) -> None:
    for fact in facts:
        apply(connection, [fact])


def deliveries(ledger: Ledger) -> dict[str, dict[str, Any]]:
    return {key[2]: row for key, row in ledger.items() if key[0] == "delivery"}


def test_delivered_before_submitted_and_before_its_send_is_delivered(
    connection: psycopg.Connection[Any],
) -> None:
    facts = facts_of(
        make_receipt(SEND, "Delivered"),
        make_receipt(SEND, "Submitted", code="7501"),
        make_send(SEND, "+44 7700 900123", tag="otp"),
    )
    for domain, ordered in orders(facts):
        apply_singly(connection, ordered)

        ledger = stored(connection, domain)
        (delivery,) = deliveries(ledger).values()
        assert delivery["rank"] == status.DELIVERED.rank
        assert delivery["recorded"]
        assert delivery["destination"] == "447700900123"
        assert ledger["send", SEND]["tag"] == "otp"


def test_a_customer_id_and_the_one_number_reported_are_one_recipient(
    connection: psycopg.Connection[Any],
) -> None:
    recorded = Send(
        transid=SEND, destinations=(Destination(value="customer-7", type="customerid"),)
    )
    for domain, ordered in orders(
        facts_of(recorded, make_receipt(SEND, "Submitted"), make_receipt(SEND, "Delivered"))
    ):
        apply_singly(connection, ordered)

        (delivery,) = deliveries(stored(connection, domain)).values()
        assert delivery["destination"] == "447700900123"
        assert delivery["recorded"]
        assert delivery["rank"] == status.DELIVERED.rank


def test_a_second_number_reported_parts_the_pair(connection: psycopg.Connection[Any]) -> None:
    recorded = Send(
        transid=SEND, destinations=(Destination(value="customer-7", type="customerid"),)
    )
    for domain, ordered in orders(
        facts_of(
            recorded,
            make_receipt(SEND, "Delivered", "447700900123"),
            make_receipt(SEND, "Delivered", "447700900124"),
        )
    ):
        apply_singly(connection, ordered)

        found = deliveries(stored(connection, domain))
        assert {key: row["recorded"] for key, row in found.items()} == {
            "customer-7": True,
            "447700900123": False,
            "447700900124": False,
        }


def test_a_type_that_changes_decides_anew_who_is_a_pair(
    connection: psycopg.Connection[Any],
) -> None:
    facts = facts_of(
        make_send(SEND, "447700900123"),
        make_receipt(SEND, "Submitted", "customer-7", destination_type="customerid"),
        make_receipt(SEND, "Delivered", "customer-7", destination_type=""),
    )
    ledgers = []
    for domain, ordered in orders(facts):
        apply_singly(connection, ordered)
        ledgers.append(sorted(deliveries(stored(connection, domain))))

    assert ledgers == [["447700900123", "customer-7"]] * 6


def test_two_mail_addresses_are_never_one_recipient(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    cc = make_receipt(SEND, "Delivered", "cc@example.org", destination_type="email")
    apply(connection, in_domain(facts_of(make_send(SEND, "to@example.org"), cc), domain))

    assert set(deliveries(stored(connection, domain))) == {"to@example.org", "cc@example.org"}


def test_a_suffixed_receipt_belongs_to_the_send_that_lists_its_destination(
    connection: psycopg.Connection[Any],
) -> None:
    facts = facts_of(
        make_send(SEND, "447700900123", "447700900124"),
        make_receipt(f"{SEND}_1", "Delivered", "447700900124"),
        make_receipt(f"{SEND}_0", "Delivered", "447700900123"),
    )
    for domain, ordered in orders(facts):
        apply_singly(connection, ordered)

        ledger = stored(connection, domain)
        assert {key for key in ledger if key[0] == "send"} == {("send", SEND)}
        assert ledger["send", SEND]["aliases"] == [f"{SEND}_0", f"{SEND}_1"]
        assert {row["rank"] for row in deliveries(ledger).values()} == {status.DELIVERED.rank}


def test_a_suffixed_send_of_its_own_keeps_its_receipts(
    connection: psycopg.Connection[Any],
) -> None:
    facts = facts_of(
        make_send(SEND, "447700900123"),
        make_send(f"{SEND}_1", "447700900123"),
        make_receipt(f"{SEND}_1", "Delivered", "447700900123"),
    )
    for domain, ordered in orders(facts):
        apply_singly(connection, ordered)

        ledger = stored(connection, domain)
        key = "447700900123"
        assert ledger["delivery", f"{SEND}_1", key]["rank"] == status.DELIVERED.rank
        assert ledger["delivery", SEND, key]["rank"] == status.ACCEPTED.rank


def test_a_registered_send_is_completed_in_any_order(connection: psycopg.Connection[Any]) -> None:
    registration = UUID(int=0x7003)
    registered = make_send(
        "", "447700900123", registration=registration, state=State.REGISTERED, tag="otp"
    )
    facts = facts_of(
        registered, Send(transid=SEND, registration=registration), make_receipt(SEND, "Delivered")
    )
    for domain, ordered in orders(facts):
        apply_singly(connection, ordered)

        ledger = stored(connection, domain)
        assert {key for key in ledger if key[0] == "send"} == {("send", SEND)}
        assert ledger["send", SEND]["tag"] == "otp"
        assert ledger["send", SEND]["registration"] == registration
        assert ledger["send", SEND]["state"] == State.ACCEPTED
        assert len(deliveries(ledger)) == 1


def test_domains_do_not_touch_each_other(connection: psycopg.Connection[Any]) -> None:
    ours, theirs = uuid.uuid4().hex, uuid.uuid4().hex
    apply(connection, in_domain(facts_of(make_send(SEND, "447700900123")), ours))
    before = stored(connection, ours)

    apply(connection, in_domain(facts_of(make_receipt(SEND, "Delivered")), theirs))

    assert stored(connection, ours) == before
    assert not stored(connection, theirs)["send", SEND]["recorded"]


def test_repeated_facts_are_duplicates_under_the_first_id(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    (fact,) = in_domain(facts_of(make_receipt(SEND, "Delivered")), domain)
    again = replace(fact, id=UUID(int=(7 << 76) | 99), accepted_at=START + timedelta(seconds=60))

    first = apply(connection, [fact, again])
    second = apply(connection, [again])

    assert [each.result for each in first] == [Result.ACCEPTED, Result.DUPLICATE]
    assert [each.result for each in second] == [Result.DUPLICATE]
    assert {each.id for each in (*first, *second)} == {fact.id}


def test_a_send_known_before_is_a_duplicate_with_the_same_id(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    one, other = in_domain(facts_of(make_send(SEND), make_send(SEND, tag="other")), domain)

    results = [*apply(connection, [one, other]), *apply(connection, [other])]

    assert [each.result for each in results] == [
        Result.ACCEPTED,
        Result.DUPLICATE,
        Result.DUPLICATE,
    ]
    assert {each.id for each in results} == {send_id(domain, SEND)}


def test_an_orphan_keeps_its_place_when_its_send_shows_up(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    query = "SELECT seq FROM sends WHERE domain = %s AND transid = %s"
    apply(connection, in_domain(facts_of(make_receipt(SEND, "Delivered")), domain))
    before = connection.execute(query, [domain, SEND]).fetchone()

    apply(connection, in_domain(facts_of(make_send(SEND, "447700900123")), domain))

    assert connection.execute(query, [domain, SEND]).fetchone() == before


def test_one_refused_fact_goes_to_quarantine_and_the_others_are_applied(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    good = [make_fact(make_receipt(f"t-{n}", "Delivered"), number=n) for n in range(9)]
    poisoned = make_fact(make_receipt("t-9", "Delivered", segments=99999), number=9)
    facts = in_domain([*good[:4], poisoned, *good[4:]], domain)

    results = apply(connection, facts)

    assert [each.result for each in results].count(Result.ACCEPTED) == 9
    assert results[4].result is Result.QUARANTINED
    assert sum(key[0] == "delivery" for key in stored(connection, domain)) == 9
    kept = connection.execute("SELECT reason, raw FROM quarantine WHERE domain = %s", [domain])
    assert kept.fetchall() == [("apply_failed", poisoned.raw)]


def test_a_missing_partition_is_made(connection: psycopg.Connection[Any], domain: str) -> None:
    body = make_receipt(SEND, "Delivered")
    (fact,) = in_domain([make_fact(body, at=START.replace(year=2031))], domain)

    assert apply(connection, [fact])[0].result is Result.ACCEPTED


def test_raw_bodies_are_kept_byte_for_byte(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    bodies = [b"\x00\xff\xfe", b"{}", b'{"a": "\\u0000"}', b"\xed\xa0\x80"]
    facts = [
        make_fact(make_receipt(f"t-{number}", "Delivered"), raw=raw, number=number)
        for number, raw in enumerate(bodies)
    ]
    apply(connection, in_domain(facts, domain))

    query = "SELECT raw FROM receipts WHERE domain = %s ORDER BY transid"
    assert [raw for (raw,) in connection.execute(query, [domain])] == bodies


def test_notices_stand_in_their_own_tables(
    connection: psycopg.Connection[Any], domain: str
) -> None:
    kinds = {Kind.MESSAGE: "messages", Kind.EVENT: "platform_events", Kind.CALL: "platform_events"}
    facts = [
        replace(
            make_fact(make_receipt("x", "y"), raw=kind.encode(), number=number),
            body=Notice(kind=kind, tid="tid-1", sender="+44 7700 900123", attachments=[{"a": 1}]),
        )
        for number, kind in enumerate(kinds)
    ]
    apply(connection, in_domain(facts, domain))

    for table in set(kinds.values()):
        found = connection.execute(
            f"SELECT kind, tid, sender_key, attachments FROM {table} WHERE domain = %s"
            " ORDER BY kind",
            [domain],
        ).fetchall()
        expected = sorted(kind for kind, name in kinds.items() if name == table)
        assert found == [(kind, "tid-1", "447700900123", [{"a": 1}]) for kind in expected]


def test_refold_takes_up_a_new_status_table(
    connection: psycopg.Connection[Any], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(connection, in_domain(facts_of(make_receipt(SEND, "Wobbled")), domain))
    (before,) = deliveries(stored(connection, domain)).values()
    with monkeypatch.context() as later:
        later.setattr(status, "SPELLINGS", {"wobbled": status.DELIVERED})
        status.status_of.cache_clear()
        refold(connection, {(domain, SEND)})
    status.status_of.cache_clear()

    (after,) = deliveries(stored(connection, domain)).values()
    assert (before["rank"], before["also"]) == (status.UNKNOWN.rank, "Wobbled")
    assert (after["rank"], after["also"]) == (status.DELIVERED.rank, "")


def test_a_lost_connection_is_the_store_s_fault(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.close()
        with pytest.raises(StoreAwayError):
            apply(connection, facts_of(make_receipt(SEND, "Delivered")))


def test_a_thousand_sends_are_one_batch(connection: psycopg.Connection[Any], domain: str) -> None:
    sends = [make_send(f"bulk-{number}", f"4477001{number:05}") for number in range(1000)]
    facts = [make_fact(send, number=number) for number, send in enumerate(sends)]

    results = apply(connection, in_domain(facts, domain))

    assert {each.result for each in results} == {Result.ACCEPTED}
    assert len(stored(connection, domain)) == 2000


def test_no_batch_is_planned_anew(database_url: str, domain: str) -> None:
    """Postgres would, of its own accord, as soon as the tables have statistics."""
    with connect(database_url) as connection:
        for number in range(3):
            connection.execute("ANALYZE sends, deliveries")
            receipt = make_receipt(f"{domain}-{number}", "Delivered")
            apply(connection, [make_fact(receipt, domain=domain)])
        plans = connection.execute(
            "SELECT sum(generic_plans) > 0, sum(custom_plans) FROM pg_prepared_statements"
            " WHERE statement ~ 'INSERT'"
        ).fetchone()

    assert plans == (True, 0)
