"""Replaying what lies in quarantine: its bytes through today's parser, as if they came now.

What comes of it is stamped as it would have been at once: the time and the digest of what came,
and ids that follow from its own. So a ledger that learns of it late is the same as one that knew
it from the beginning, and replaying twice is harmless.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Row

from receiver.domain.errors import ConflictError, PayloadError, TooLargeError
from receiver.domain.facts import Fact, Notice, Quarantined, Receipt, Source, digest_of, part_id
from receiver.platform.recognise import Element, Recognised, recognise_element
from receiver.platform.statuses import parse_statuses
from receiver.store.apply import Applied, Result, apply
from receiver.store.audit import Who
from receiver.store.erasures import Erasures
from receiver.store.points import Point, zone_of
from receiver.store.quarantine import Note, State, can_t_be_replayed
from receiver.web.addresses import address_of, is_among
from receiver.web.signatures import Signatures
from receiver.web.times import utc
from receiver.web.understanding import (
    Wrapping,
    cap_bytes_of,
    in_columns,
    quarantined,
    told,
    told_of_fault,
    understood,
    unzipped,
)

#: Facts that are applied together, as on the way in.
BATCH_FACTS: Final = 256
#: What was refused before anybody looked into it: today's rules decide whether they would now.
REFUSED: Final = ("bad_address", "bad_signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay came to."""

    results: Sequence[Mapping[str, Any]]
    """As the hook tells them, one for each notification."""
    state: State
    """OPEN where nothing was understood: then it stays as it was."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many notifications came to what."""
        return Counter(str(each["result"]) for each in self.results)

    def note(self, row: Row[Any], who: Who, *, trust: bool, job_id: UUID | None = None) -> Note:
        """Return what is to be remembered of it."""
        first = self.results[0] if len(self.results) == 1 else {}
        replay = {
            "at": utc(datetime.now(UTC)),
            "who": {"kind": who.kind, "name": who.name, "key_id": who.key_id and str(who.key_id)},
            "job": job_id and str(job_id),
            "trust": trust,
            "results": dict(self.counts),
            "errors": dict(first.get("errors", {})),
        }
        return Note(row, self.state, replay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Replays what came at any point."""

    signatures: Signatures
    most_body_bytes: int
    erasures: Erasures = field(default_factory=Erasures)

    def replay(
        self,
        connection: psycopg.Connection[Any],
        row: Row[Any],
        raw: bytes,
        point: Point,
        *,
        trust: bool = False,
    ) -> Replayed:
        """Make facts of what came, and commit them over `connection`.

        What was refused for its address or signature has to pass today's rules, unless somebody
        has `trust` in it. Raises: ConflictError for what can't be replayed, SealedError and
        SetupError where the point's secrets can't be opened, and what `apply` raises.
        """
        if reason := can_t_be_replayed(row):
            raise ConflictError(reason)
        cap_bytes = cap_bytes_of(point, self.most_body_bytes)
        try:
            if row.reason in REFUSED and not trust:
                self._check(row, raw, point, cap_bytes)
            recognised = _recognised(row, raw, point, cap_bytes)
        except PayloadError as error:
            return _refused(row, error)
        except TooLargeError as error:
            return _refused(row, PayloadError("too_large", str(error)))
        facts = [_fact(row, raw, element, recognised, point) for element in recognised.elements]
        applied = [each for batch in _batches(facts) for each in self._apply(connection, batch)]
        return _replayed(recognised, facts, applied)

    def _apply(
        self, connection: psycopg.Connection[Any], facts: Sequence[Fact]
    ) -> Sequence[Applied]:
        return apply(connection, facts, self.erasures)

    def _check(self, row: Row[Any], raw: bytes, point: Point, cap_bytes: int) -> None:
        """Raise PayloadError unless today's rules let it in."""
        listed = point.opts.get("allow_ips")
        if row.reason == "bad_address" and listed and not is_among(_came_from(row), listed):
            raise PayloadError("bad_address", "the address is not allowed", fields=row.errors)
        unzip = partial(unzipped, raw, Wrapping.of(row.headers), cap_bytes=cap_bytes)
        self.signatures.check(point, row.headers.get("x-hub-signature", ""), raw, unzip)


def _batches(facts: Sequence[Fact]) -> Iterator[Sequence[Fact]]:
    return (facts[at : at + BATCH_FACTS] for at in range(0, len(facts), BATCH_FACTS))


def _came_from(row: Row[Any]) -> Any:
    """Return the address that a notification was refused for: the first word of what was said."""
    [said, *_] = row.errors.get("address") or [""]
    return address_of(said.partition(" ")[0])


def _recognised(row: Row[Any], raw: bytes, point: Point, cap_bytes: int) -> Recognised:
    """Return what came, read as it would be at once. Raises: PayloadError, TooLargeError."""
    wrapping = Wrapping.of(row.headers)
    if row.source == Source.RECONCILED:
        return _answered(raw, point)
    if not _is_element(row):
        recognised = understood(raw, wrapping, point, cap_bytes=cap_bytes)
    else:
        plain = unzipped(raw, wrapping, cap_bytes=cap_bytes)
        zone = zone_of(point.opts)
        element = recognise_element(plain, charset=wrapping.charset, zone=zone)
        recognised = Recognised((element,), is_array=False)
    [first, *_] = recognised.elements
    if not recognised.is_array and isinstance(first.body, PayloadError):
        raise first.body
    return recognised


def _answered(raw: bytes, point: Point) -> Recognised:
    """Return what the platform said when it was asked. Raises: PayloadError."""
    statuses, _ = parse_statuses(raw, transid="", zone=zone_of(point.opts))
    if not statuses:
        raise PayloadError("unrecognised", "no status of a send that it names")
    elements = [Element(0, raw, each.receipt) for each in statuses]
    return Recognised(elements[:1], is_array=False)


def _is_element(row: Row[Any]) -> bool:
    """Tell whether a fact is one notification for certain: an array in it would be none."""
    if row.source == Source.REPLAY or row.reason == "apply_failed":
        return True
    return bool(row.answered == HTTPStatus.OK and row.reason != "disabled")


def _fact(
    row: Row[Any], raw: bytes, element: Element, recognised: Recognised, point: Point
) -> Fact:
    """Return the fact that a notification would have been at once."""
    id_, digest = row.id, row.digest
    if recognised.is_array:
        raw, id_ = element.raw, part_id(row.id, element.index)
        digest = digest_of(row.domain, row.point_id, element.index, raw)
    return Fact(
        id=id_,
        domain=row.domain,
        point_id=row.point_id,
        source=Source.REPLAY if row.source == Source.HOOK else Source(row.source),
        accepted_at=row.accepted_at,
        digest=digest,
        raw=raw,
        body=_body(row, element, point),
    )


def _body(row: Row[Any], element: Element, point: Point) -> Receipt | Notice | Quarantined:
    body = element.body
    if isinstance(body, PayloadError):
        return quarantined(
            body, element.raw, path=row.path, headers=row.headers, answered=row.answered
        )
    return in_columns(body, point)


def _refused(row: Row[Any], error: PayloadError) -> Replayed:
    told_ = told_of_fault(Applied(Result.QUARANTINED, row.id), error)
    return Replayed(results=[told_], state=State.OPEN)


def _replayed(
    recognised: Recognised, facts: Sequence[Fact], applied: Sequence[Applied]
) -> Replayed:
    results = [
        told_of_fault(taken, element.body)
        if isinstance(element.body, PayloadError)
        else told(fact, taken)
        for element, fact, taken in zip(recognised.elements, facts, applied, strict=True)
    ]
    is_taken = recognised.is_array or applied[0].result is not Result.QUARANTINED
    return Replayed(results=results, state=State.REPLAYED if is_taken else State.OPEN)
