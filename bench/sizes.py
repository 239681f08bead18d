"""How large the tables become, and how fast what is past its time goes from them.

All of it is written by the apply itself, so indexes are as full as they are where they grew.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import uuid4

import click
import psycopg

from bench import postgres, receipts, service
from bench.receipts import RECEIPT
from bench.rooms import Room
from receiver.domain.facts import Destination, Fact, Send, Source, stamp
from receiver.platform.recognise import recognise
from receiver.store import stats
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.retention import families

MILLION: Final = 1_000_000
BATCH: Final = 64
#: Each send is recorded, and has two receipts; to every fourth the customer says something.
RECEIPTS: Final = ("Submitted", "Delivered")
MESSAGES: Final = 4
POINT: Final = uuid4()
TEXT: Final = "Your table for four is booked for Friday at 19:30. See you then! Demo Restaurant"

#: Of the tables that grow, the partitions of one day together: their own, with indexes and TOAST.
_SIZES: Final = """
    SELECT coalesce(p.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint,
           sum(pg_indexes_size(c.oid))::bigint, sum(greatest(c.reltuples, 0))::bigint
      FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      LEFT JOIN pg_class p ON p.oid = i.inhparent
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
     GROUP BY 1 HAVING sum(c.reltuples) > 1000 ORDER BY 2 DESC
    """


@dataclass(frozen=True)
class Size:
    """A table as it became."""

    table: str
    total_bytes: int
    index_bytes: int
    rows: int


@dataclass(frozen=True)
class Outcome:
    """All that a run found."""

    receipts: int
    sizes: Sequence[Size]
    removed_per_second: float
    """Families, with their deliveries and recordings."""

    def shown(self) -> str:
        """Return the table for people."""
        heads = (
            f"{'rows':>8}{'bytes a row':>14}{'of that indexes':>18}{'GB per million receipts':>26}"
        )
        lines = [f"{'table':15}{heads}"]
        lines += [
            f"{size.table:15}{size.rows:8}{size.total_bytes / size.rows:14.0f}"
            f"{size.index_bytes / size.rows:18.0f}{self.gigabytes(size):26.2f}"
            for size in self.sizes
        ]
        total = sum(self.gigabytes(size) for size in self.sizes)
        return "\n".join(
            [*lines, f"together {total:.2f}", f"{self.removed_per_second:.0f} families/s go"]
        )

    def gigabytes(self, size: Size) -> float:
        """Return what a table comes to where a million receipts came."""
        return size.total_bytes / self.receipts * MILLION / 1e9

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "receipts": self.receipts,
            "removed_per_second": round(self.removed_per_second),
            "tables": [
                vars(size) | {"gb_per_million_receipts": round(self.gigabytes(size), 3)}
                for size in self.sizes
            ],
        }


def measure(*, sends: int) -> Outcome:
    """Fill an empty ledger with so many sends and what belongs to them; then remove them."""
    with postgres.running() as server:
        url = service.prepare(Room(name="sizes", postgres=server, workers=1)).database_url
        with connect(url) as connection:
            _fill(connection, sends)
            sizes = _sizes(connection)
            rate = _remove(connection)
            left = [size for size in _sizes(connection) if size.table == "past_families"]
    return Outcome(len(RECEIPTS) * sends, [*sizes, *left], rate)


def _fill(connection: psycopg.Connection[Any], sends: int) -> None:
    transids = (transid for transid, _ in receipts.requests("http://127.0.0.1/", seed=1))
    made = zip(transids, range(sends), strict=False)
    with click.progressbar(length=sends, label="filling", show_pos=True) as bar:
        while batch := list(islice(made, BATCH)):
            for facts in _facts(batch):
                apply(connection, facts)
            bar.update(len(batch))
    while stats.fold(connection):
        pass


def _facts(sends: Sequence[tuple[str, int]]) -> Iterator[list[Fact]]:
    """Yield the recordings of sends, then their receipts, and the messages that answer them."""
    yield [_recording(transid, number) for transid, number in sends]
    for status in RECEIPTS:
        yield [_notification(_receipt(transid, number, status)) for transid, number in sends]
    messages = [_notification(_message(number)) for _, number in sends if number % MESSAGES == 0]
    if messages:
        yield messages


def _number(number: int) -> str:
    return f"4477{number:08d}"


def _recording(transid: str, number: int) -> Fact:
    at = datetime.now(UTC)
    send = Send(
        transid=transid,
        channel="sms",
        sender="447700900000",
        destinations=(Destination(value=_number(number)),),
        text=TEXT,
        tag="booking",
        requested_at=at,
    )
    told = {"transid": transid, "channel": "sms", "sender": send.sender, "text": TEXT}
    raw = json.dumps(told | {"destinations": [_number(number)], "tag": send.tag, "at": f"{at}"})
    return stamp(send, domain="default", point_id=POINT, source=Source.API, raw=raw.encode())


def _receipt(transid: str, number: int, status: str) -> Mapping[str, Any]:
    outer = RECEIPT["deliveryInfoNotification"]
    inner = outer["deliveryInfo"] | {"deliveryStatus": status, "destination": _number(number)}
    return {"deliveryInfoNotification": outer | {"deliveryInfo": inner, "transid": transid}}


def _message(number: int) -> Mapping[str, Any]:
    tid = f"{number:010d}_{uuid4()}"
    return {
        "channel": "SMS",
        "oa": _number(number),
        "da": "447700900000",
        "message": TEXT,
        "tid": tid,
    }


def _notification(body: Mapping[str, Any]) -> Fact:
    raw = json.dumps(body, separators=(",", ":")).encode()
    (element,) = recognise(raw).elements
    assert not isinstance(element.body, Exception)
    return stamp(element.body, domain="default", point_id=POINT, source=Source.HOOK, raw=raw)


def _sizes(connection: psycopg.Connection[Any]) -> list[Size]:
    connection.execute("SET statement_timeout = 0")
    connection.execute("VACUUM (ANALYZE)")
    return [Size(*row) for row in connection.execute(_SIZES)]


def _remove(connection: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    later = datetime.now(UTC).date() + timedelta(days=2)
    gone = sum(each.number for each in families.remove(connection, before=later, until=later))
    return gone / (time.perf_counter() - began)
