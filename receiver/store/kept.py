"""Which facts are kept already, on whatever day: for who brings them in long after."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from receiver.domain.facts import Fact, Notice, Receipt
from receiver.domain.identity import destination_key, transid_of
from receiver.domain.sends import send_id
from receiver.store.batch import Batch

_DAY: Final = timedelta(days=1)
_DAYS: Final = "SELECT min(first_day), max(last_day) FROM sends WHERE id = ANY(%s)"
_RECEIPTS: Final = """
    SELECT digest FROM receipts
     WHERE transid = ANY(%s) AND digest = ANY(%s) AND day BETWEEN %s AND %s
    """
_NOTICES: Final = """
    SELECT digest FROM {table}
     WHERE sender_key = ANY(%s) AND digest = ANY(%s) AND day BETWEEN %s AND %s
    """
#: Only a plan for the days in question leaves the other partitions alone.
_FOR_THESE_DAYS: Final = "SET LOCAL plan_cache_mode = force_custom_plan"


def kept(connection: psycopg.Connection[Any], facts: Sequence[Fact]) -> set[bytes]:
    """Return the digests of those receipts and notices that are kept already.

    Receipts are looked for where their sends have any, notices from the day of their own time on;
    a notice that names none is looked for today and yesterday. Raises psycopg.Error.
    """
    tables: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        tables[Batch.table_of(fact)].append(fact)
    found: set[bytes] = set()
    with connection.transaction():
        connection.execute(_FOR_THESE_DAYS)
        for table, some in sorted(tables.items()):
            look = _receipts if table == "receipts" else _notices
            found |= look(connection, some, table)
    return found


def _receipts(connection: psycopg.Connection[Any], facts: Sequence[Fact], _: str) -> set[bytes]:
    transids = {
        (fact.domain, transid_of(fact.body.transid))
        for fact in facts
        if isinstance(fact.body, Receipt)
    }
    days = connection.execute(_DAYS, [[send_id(*key) for key in sorted(transids)]]).fetchone()
    if days is None or days[0] is None:
        return set()
    names = sorted({transid for _, transid in transids})
    return _digests(connection, _RECEIPTS, [names, _digests_of(facts), *days])


def _notices(connection: psycopg.Connection[Any], facts: Sequence[Fact], table: str) -> set[bytes]:
    bodies = [fact.body for fact in facts if isinstance(fact.body, Notice)]
    today = datetime.now(UTC).date()
    told = [body.provider_at.date() for body in bodies if body.provider_at]
    first = min([today, *told]) - _DAY
    senders = sorted({destination_key(body.sender) for body in bodies})
    asked = [senders, _digests_of(facts), first, today]
    return _digests(connection, _NOTICES.format(table=table), asked)


def _digests_of(facts: Sequence[Fact]) -> list[bytes]:
    return [fact.digest for fact in facts]


def _digests(connection: psycopg.Connection[Any], query: str, asked: Sequence[Any]) -> set[bytes]:
    return {bytes(digest) for (digest,) in connection.execute(query.encode(), asked)}
