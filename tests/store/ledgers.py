"""What the ledger holds, in a form that two ledgers can be compared in."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from msgspec.structs import asdict, replace
from psycopg.rows import dict_row

from receiver.domain.facts import Fact, Receipt, Send, digest_of
from receiver.domain.identity import base_of, transid_of
from receiver.domain.ledger import fold
from receiver.domain.sends import registered_transid, stored_transid
from receiver.store import rows

Ledger = dict[tuple[str, ...], dict[str, Any]]


def in_domain(facts: Sequence[Fact], domain: str) -> list[Fact]:
    """The same facts in a domain of their own, where no other test has been."""
    return [
        replace(fact, domain=domain, digest=digest_of(domain, fact.point_id, 0, fact.raw))
        for fact in facts
    ]


def stored(connection: psycopg.Connection[Any], domain: str) -> Ledger:
    """The sends and deliveries of a domain, without what counts insertions or follows no fact."""
    with connection.cursor(row_factory=dict_row) as cursor:
        shown = "SELECT * FROM sends WHERE domain = %s AND (recorded OR reported)"
        sends = cursor.execute(shown, [domain]).fetchall()
        deliveries = cursor.execute(
            "SELECT * FROM deliveries WHERE domain = %s", [domain]
        ).fetchall()
    computed = ("point_id", "channel", "correlationid", "callback_data", "accepted_at")
    insertion = ("seq", "known_at")
    ledger: Ledger = {}
    for row in sends:
        ledger["send", row["transid"]] = {
            k: v for k, v in row.items() if k not in (*computed, *insertion)
        }
    for row in deliveries:
        key = ("delivery", row["transid"], row["destination_key"])
        own = (*insertion, "send_seq", "overdue")
        ledger[key] = {k: v for k, v in row.items() if k not in own}
    return ledger


def folded(facts: Sequence[Fact], domain: str) -> Ledger:
    """The ledger that the fold of all facts at once gives, without any store."""
    completed: dict[UUID, str] = {}
    for fact in facts:
        body = fact.body
        if isinstance(body, Send) and body.registration and body.transid:
            known = completed.setdefault(body.registration, transid_of(body.transid))
            completed[body.registration] = min(known, transid_of(body.transid))
    families: dict[str, list[Fact]] = defaultdict(list)
    for fact in retained(facts):
        body = fact.body
        if isinstance(body, Send) and not body.transid and body.registration in completed:
            body = replace(body, transid=completed[body.registration])
        assert isinstance(body, Send | Receipt)
        families[base_of(_transid(body))].append(replace(fact, body=body))
    ledger: Ledger = {}
    for base, found in families.items():
        family = fold(base, found)
        for transid in {*family.reported, *family.recorded}:
            row = rows.send_row(domain, transid, family)
            if row["recorded"] or row["reported"]:
                ledger["send", transid] = row | {"aliases": list(row["aliases"])}
        for key, delivery in family.deliveries.items():
            ledger["delivery", *key] = asdict(delivery)
    return ledger


def retained(facts: Sequence[Fact]) -> list[Fact]:
    """The facts without repetitions: of receipts that came twice on a day, the earlier one."""
    kept: dict[tuple[object, ...], Fact] = {}
    for fact in sorted(facts, key=lambda fact: (fact.accepted_at, fact.id)):
        if isinstance(fact.body, Receipt):
            key = (transid_of(fact.body.transid), fact.digest, rows.day_of(fact))
            kept.setdefault(key, fact)
        else:
            kept[fact.id,] = fact
    return list(kept.values())


def _transid(body: Send | Receipt) -> str:
    if isinstance(body, Receipt):
        return body.transid
    return stored_transid(body) if body.transid else registered_transid(body.registration)
