"""Applying facts: one short transaction a batch, whatever the order and however often they come.

Facts go into their tables, once a digest and day. What receipts say is joined with what is kept,
in SQL; the families for which that could be wrong, and those with new recordings, are folded
anew from all their facts. Both under the lock of the family, and both to the same end.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from msgspec import Struct
from msgspec.structs import replace
from psycopg import errors, pq

from receiver import metrics
from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact, Quarantined, Send
from receiver.domain.identity import base_of
from receiver.domain.sends import REGISTERED_PREFIX, send_id
from receiver.store import kin, partitions, past, refold, rows, statements
from receiver.store.batch import Batch, Completions, Placed, registrations_of, waves
from receiver.store.erasures import Erasures, Known
from receiver.store.roundtrip import Asked, Rows, roundtrip

RETRIES: Final = 6
_TRANSIENT: Final = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.InvalidSqlStatementName,  # prepared anew at the next attempt
    errors.UniqueViolation,  # every insert names what to do on a known key: only a race gets here
)
_UNDER_WAY: Final = (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)
#: SQLSTATE classes that blame a fact: bad data, broken constraint, too large for the server.
_BLAMING: Final = ("22", "23", "54")
#: What Postgres says that can be asked and keeps nothing.
_REFUSING: Final = {"53100": "full", "25006": "read_only"}


class Result(StrEnum):
    """What became of a fact."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Applied(Struct, frozen=True):
    """The result for one fact, with the id it is kept under; for a send, our id of the send."""

    result: Result
    id: UUID


def apply(
    connection: psycopg.Connection[Any], facts: Sequence[Fact], erasures: Erasures | None = None
) -> Sequence[Applied]:
    """Commit facts and what they mean for the ledger; return a result for each, in order.

    When this returns, all of them are durable, without the persons who were erased since they were
    accepted. A fact that Postgres refuses for its own sake goes to quarantine, and the others of
    its batch are applied; applying again is harmless.

    Raises:
        StoreAwayError: nothing is certain.
        SealedError: somebody was erased since, under a key that `erasures` lacks; nothing is done.

    """
    erasures = erasures or Erasures()
    try:
        return _persist(connection, facts, erasures)
    except psycopg.Error as error:
        if not _blames_fact(error):
            if cause := _REFUSING.get(error.sqlstate or ""):
                metrics.store_refused(cause)
            raise StoreAwayError(f"the store can't commit ({error.sqlstate})") from error
        if len(facts) > 1:
            middle = len(facts) // 2
            halves = facts[:middle], facts[middle:]
            return [each for half in halves for each in apply(connection, half, erasures)]
        if isinstance(facts[0].body, Quarantined):
            raise StoreAwayError("the quarantine can't take a fact") from error
        return apply(connection, [_refused(facts[0], error)], erasures)


def _blames_fact(error: psycopg.Error) -> bool:
    ours = isinstance(error, (errors.CheckViolation, errors.UniqueViolation))
    return (error.sqlstate or "")[:2] in _BLAMING and not ours


def _refused(fact: Fact, error: psycopg.Error) -> Fact:
    message = f"Postgres refused it: {type(error).__name__} ({error.sqlstate})"
    return replace(fact, body=Quarantined(reason="apply_failed", message=message))


def _persist(
    connection: psycopg.Connection[Any], facts: Sequence[Fact], erasures: Erasures
) -> Sequence[Applied]:
    """Apply in one transaction, again where only the moment was wrong."""
    partitions_made = False
    for attempt in range(RETRIES):
        try:
            return _transact(connection, facts, erasures.known)
        except errors.CheckViolation:
            if partitions_made:
                raise
            partitions.ensure_days(connection, sorted({rows.day_of(fact) for fact in facts}))
            partitions_made = True
        except _TRANSIENT as error:
            if attempt == RETRIES - 1:
                raise
            metrics.retried(error.sqlstate or "")
            if isinstance(error, errors.SerializationFailure):  # as of who doesn't know them all
                erasures.load(connection)
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
        except _CompletedMeanwhileError:
            continue
    raise StoreAwayError("a send is being completed over and over")


def _transact(
    connection: psycopg.Connection[Any], facts: Sequence[Fact], known: Known
) -> Sequence[Applied]:
    cleared = known.clear(facts)
    batch = Batch(cleared.facts, _completions(connection, registrations_of(facts)))
    try:
        taken = _write(connection, batch)
        if cleared.related:
            kin.settle(connection, cleared, batch)
        _commit(connection, known)
    except BaseException:
        if connection.info.transaction_status in _UNDER_WAY:
            roundtrip(connection, [("ROLLBACK", {})])
        raise
    return taken


def _commit(connection: psycopg.Connection[Any], known: Known) -> None:
    if connection.info.transaction_status != pq.TransactionStatus.INTRANS:
        raise StoreAwayError("the transaction is gone")  # and its COMMIT would not say so
    roundtrip(connection, [known.check, ("COMMIT", {})])


def _write(connection: psycopg.Connection[Any], batch: Batch) -> Sequence[Applied]:
    """Write a batch in a transaction that it begins, in one round trip if it is nothing special."""
    opening: list[Asked] = [("BEGIN", {})]
    if batch.sends:
        opening.append((statements.OPEN_SENDS, {"sends": rows.dumps(_opened(batch))}))
    recorded: set[tuple[str, str]] = set()
    if batch.recorded:
        families = {"families": refold.family_rows(batch.recorded_families)}
        *_, found = roundtrip(connection, [*opening, (past.FORGET, families)])
        begun_anew = {(str(domain), str(base)) for domain, base in found}
        opening, recorded = [], _take_up(connection, batch, begun_anew)
    inserts = [each for found in sorted(batch.inserts.items()) for each in _inserts(*found)]
    answers = roundtrip(connection, [*opening, *(asked for _, asked in inserts)])
    new, unsettled = _sorted_out([placed for placed, _ in inserts], answers[len(opening) :])
    known = _known(connection, batch, new)
    unsettled |= batch.recorded_families | _differing(batch, known)
    if unsettled:
        refold.fold_locked(connection, unsettled)
    return _results(batch, new, known, recorded)


def _opened(batch: Batch) -> Iterator[rows.Row]:
    for key, send in batch.sends.items():
        row = rows.reported_row(*key, send)
        yield row | {"recorded": True} if key in batch.recorded_families else row


def _take_up(
    connection: psycopg.Connection[Any], batch: Batch, begun_anew: set[refold.FamilyKey]
) -> set[tuple[str, str]]:
    """Prepare for the recordings of a batch; return the sends that somebody recorded before.

    Families that are begun anew take up the receipts that are kept of them.
    """
    if begun_anew:
        opened = past.reported_rows(connection, begun_anew)
        connection.execute(statements.OPEN_SENDS, {"sends": rows.dumps(opened)})
    if batch.completed != _completions(connection, registrations_of(batch.facts)):
        raise _CompletedMeanwhileError
    recorded = set(_recorded(connection, batch))
    _complete(connection, batch)
    return recorded


class _CompletedMeanwhileError(Exception):
    """Another process completed a registration between our look and our lock."""


def _completions(connection: psycopg.Connection[Any], registrations: Sequence[UUID]) -> Completions:
    """Return the transids that registrations were completed with."""
    if not registrations:
        return {}
    found = connection.execute(
        "SELECT domain, registration, min(transid) FROM recordings"
        " WHERE registration = ANY(%s) AND NOT starts_with(transid, %s) GROUP BY 1, 2",
        [list(registrations), REGISTERED_PREFIX],
    )
    return {(domain, registration): transid for domain, registration, transid in found}


def _recorded(connection: psycopg.Connection[Any], batch: Batch) -> Iterable[tuple[str, str]]:
    """Return the sends of the batch that somebody recorded before."""
    keys = sorted(batch.recorded)
    if not keys:
        return ()
    return connection.execute(
        "SELECT DISTINCT domain, transid FROM recordings"
        " WHERE (domain, transid) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        [list(column) for column in zip(*keys, strict=True)],
    )


def _inserts(table: str, found: Placed) -> Iterator[tuple[Placed, Asked]]:
    for wave in waves(found) if table == "receipts" else (found,):
        placed, raws = rows.with_raw(wave.values())
        statement = statements.RECEIVE if table == "receipts" else statements.INSERT_NEW[table]
        yield wave, (statement, {"rows": rows.dumps(placed), "raws": raws})


def _sorted_out(
    inserted: Sequence[Placed], answers: Sequence[Rows]
) -> tuple[set[UUID], set[refold.FamilyKey]]:
    """Return the ids of the facts that were not known, and the families to fold anew."""
    new: set[UUID] = set()
    families: set[refold.FamilyKey] = set()
    for placed, answer in zip(inserted, answers, strict=True):
        ids = [str(first) for first, *base in answer if base in ([], [None])]
        new.update(placed if len(ids) == len(placed) else map(UUID, ids))
        if len(ids) < len(answer):
            families |= {(str(domain), str(base)) for domain, base in answer if base is not None}
    return new, families


def _complete(connection: psycopg.Connection[Any], batch: Batch) -> None:
    """Move what was registered under our id to the transid that is known now.

    Where two transids claim it the least has it, whichever came first.
    """
    for (domain, registration), transid in batch.completions.items():
        parameters = {"domain": domain, "registration": registration, "transid": transid}
        connection.execute(statements.DROP_MOVED, parameters)
        connection.execute(statements.MOVE_REGISTERED, parameters)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept of a fact that comes again."""

    id: UUID
    differs: bool
    """Whether it reads otherwise now: what was joined of it is then folded anew."""


def _known(
    connection: psycopg.Connection[Any], batch: Batch, new: set[UUID]
) -> Mapping[UUID, _Known]:
    """Return what is kept of facts that were known; of each the earliest copy is, from now on."""
    known: dict[UUID, _Known] = {}
    for table, found in sorted(batch.inserts.items()):
        repeated = [row for id_, (row, _) in found.items() if id_ not in new]
        if not repeated:
            continue
        parameters = {"rows": rows.dumps(repeated)}
        earlier = False
        for id_, kept, differs, is_earlier in connection.execute(
            statements.FIND_KNOWN[table], parameters
        ):
            known[id_] = _Known(kept, differs)
            earlier = earlier or is_earlier
        if earlier:
            connection.execute(statements.REPLACE[table], parameters)
    return known


def _differing(batch: Batch, known: Mapping[UUID, _Known]) -> set[refold.FamilyKey]:
    """Return the families of receipts that read otherwise now."""
    return {
        (row["domain"], base_of(row["transid"]))
        for id_, (row, _) in batch.inserts.get("receipts", {}).items()
        if id_ in known and known[id_].differs
    }


def _results(
    batch: Batch,
    new: set[UUID],
    known: Mapping[UUID, _Known],
    recorded: set[tuple[str, str]],
) -> Sequence[Applied]:
    results = []
    for fact in batch.facts:
        if isinstance(fact.body, Send):
            key = (fact.domain, batch.transid_for(fact, fact.body))
            is_new = key not in recorded
            recorded.add(key)
            id_ = fact.body.registration or send_id(*key)
        else:
            is_new = fact.id in new
            id_ = fact.id if is_new else _id_of(batch, known, fact)
        taken = Result.ACCEPTED if is_new else Result.DUPLICATE
        if isinstance(fact.body, Quarantined):
            taken = Result.QUARANTINED
        results.append(Applied(taken, id_))
    return results


def _id_of(batch: Batch, known: Mapping[UUID, _Known], fact: Fact) -> UUID:
    """Return the id under which a copy of the fact was kept before."""
    kept = batch.kept[batch.key_of(fact)].id
    return known[kept].id if kept in known else kept
