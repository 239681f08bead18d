"""The sandbox's book and the ledger, each as what they say of the same receipts and requests."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from msgspec import Struct

from receiver.domain.identity import destination_key
from receiver.domain.status import status_of
from tests.sandbox.playing import Called

#: By transid and destination, the rank that decides.
Ranks = Mapping[tuple[str, str], int]

_RECEIPTS: Final = "SELECT encode(sha256(raw), 'hex') FROM receipts"
_RANKS: Final = "SELECT transid, destination_key, rank FROM deliveries WHERE reported"
_SENDS: Final = "SELECT transid FROM sends WHERE recorded AND state = 'accepted'"
_TIDS: Final = "SELECT tid FROM messages"


class Account(Struct, frozen=True, kw_only=True):
    """What one side knows."""

    receipts: frozenset[str]
    """Digests of their bytes."""
    ranks: Ranks
    sends: frozenset[str]
    """Transids of what the platform accepted."""
    messages: frozenset[str]


def book_of(sandbox: Called) -> Account:
    """Return what the sandbox says was taken."""
    lines = list(_lines(sandbox))
    receipts = [line for line in lines if line["kind"] == "receipt"]
    missed = [line["attempts"] for line in receipts if line["outcome"] != "taken"]
    assert missed == [], "the platform gave up"
    ranks: dict[tuple[str, str], int] = {}
    for line in receipts:
        key = line["transid"], destination_key(line["destination"])
        rank = status_of("sms", line["status"]).rank
        ranks[key] = max(rank, ranks.get(key, 0))
    return Account(
        receipts=frozenset(line["sha256"] for line in receipts),
        ranks=ranks,
        sends=frozenset(
            line["transid"]
            for line in lines
            if line["kind"] == "request" and line["outcome"] == "accepted"
        ),
        messages=frozenset(line["transid"] for line in lines if line["kind"] == "message"),
    )


def ledger_of(url: str) -> Account:
    """Return what the ledger holds."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_RANKS).fetchall()
        return Account(
            receipts=frozenset(each for (each,) in connection.execute(_RECEIPTS)),
            ranks={(transid, destination): rank for transid, destination, rank in rows},
            sends=frozenset(each for (each,) in connection.execute(_SENDS)),
            messages=frozenset(each for (each,) in connection.execute(_TIDS)),
        )


def _lines(sandbox: Called) -> Iterator[Mapping[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = sandbox.get("/sandbox/book", after=after, limit=1000)
        assert page["forgotten"] == 0
        yield from page["items"]
        after = page["next"]
