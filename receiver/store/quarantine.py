"""What was admitted and could not be taken: what there is, and what was done about it.

The facts are never changed. Beside them is kept what became of each, by the fact's own key, since
its id can change: of copies the one accepted first is kept.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    cast,
    func,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from receiver.domain.facts import Source, made_at
from receiver.store import arrivals
from receiver.store.arrivals import Excerpt
from receiver.store.job_tables import QuarantineStateRow
from receiver.store.tables import QuarantineRow

#: Of one fact, that are remembered.
MOST_REPLAYS: Final = 20
#: Between an id and the time it was accepted lies less than this.
_APART: Final = timedelta(minutes=1)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
REASONS: Final = (
    "not_json",
    "unrecognised",
    "bad_field",
    "bad_signature",
    "bad_address",
    "too_large",
    "disabled",
    "apply_failed",
)
#: What the platform told us; of other facts that Postgres refused whoever brought them was told.
_REPLAYABLE: Final = (Source.HOOK, Source.REPLAY, Source.IMPORT, Source.RECONCILED)


class State(StrEnum):
    """What became of what lies in quarantine."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a list is narrowed to: any of several values; what is empty narrows nothing."""

    reason: Sequence[str] = ()
    state: Sequence[str] = ()
    answered: Sequence[int] = ()
    like: UUID | None = None
    """One whose reason, point and shape the others have."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be remembered of one fact; OPEN leaves it as it is, and REPLAYED stays so."""

    row: Row[Any]
    state: State = State.OPEN
    replay: Mapping[str, Any] | None = None


_OF_ROW: Final = (
    select(QuarantineStateRow)
    .where(
        QuarantineStateRow.digest == QuarantineRow.digest,
        QuarantineStateRow.day == QuarantineRow.day,
    )
    .correlate(QuarantineRow)
)
_STATE: Final = func.coalesce(
    _OF_ROW.with_only_columns(QuarantineStateRow.state).scalar_subquery(), State.OPEN.value
)
_REPLAYS: Final = func.coalesce(
    _OF_ROW.with_only_columns(QuarantineStateRow.replays).scalar_subquery(),
    literal_column("'[]'::jsonb", JSONB),
)
_SHOWN: Final = (
    QuarantineRow.day,
    QuarantineRow.digest,
    QuarantineRow.id,
    QuarantineRow.accepted_at,
    QuarantineRow.point_id,
    QuarantineRow.path,
    QuarantineRow.reason,
    QuarantineRow.message,
    QuarantineRow.errors,
    QuarantineRow.answered,
    QuarantineRow.truncated,
    QuarantineRow.shape,
    func.octet_length(QuarantineRow.raw).label("bytes"),
    func.coalesce(QuarantineRow.sha256, func.sha256(QuarantineRow.raw)).label("sha256"),
    _STATE.label("state"),
    _REPLAYS.label("replays"),
)
_NOTE: Final = text(f"""
    INSERT INTO quarantine_states AS k (day, digest, state, replays, written_at)
    VALUES (:day, :digest, :state, CAST(:replays AS jsonb), now())
    ON CONFLICT (day, digest) DO UPDATE
       SET state = CASE WHEN '{State.OPEN}' = excluded.state OR k.state = '{State.REPLAYED}'
                   THEN k.state ELSE excluded.state END,
           replays = jsonb_path_query_array(
               k.replays || excluded.replays, '$[last - {MOST_REPLAYS - 1} to last]'),
           written_at = excluded.written_at
    """)
#: What replaying needs beside.
_HELD: Final = (*_SHOWN, QuarantineRow.domain, QuarantineRow.source, QuarantineRow.headers)


def newest(session: Session, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    """Return facts, the newest first by the time they were accepted, then by id."""
    conditions = [*_narrowed(sought)]
    return arrivals.newest(
        session, QuarantineRow, _SHOWN, conditions, excerpt=excerpt, spans=arrivals.HOURS
    )


def find(
    session: Session, id_: UUID, *, domain: str, point_ids: Collection[UUID]
) -> Row[Any] | None:
    """Return one fact, with its raw body."""
    since, until = _around(id_)
    excerpt = Excerpt(domain=domain, point_ids=point_ids, since=since, until=until, limit=1)
    query = select(*_HELD, QuarantineRow.raw).where(
        QuarantineRow.id == id_, *arrivals.matching(QuarantineRow, excerpt)
    )
    return session.execute(query).one_or_none()


def chosen(
    session: Session, sought: Sought, excerpt: Excerpt, *, replayable: bool
) -> Sequence[Row[Any]]:
    """Return facts, the newest first, without raw bodies; only what can be replayed if so."""
    conditions = [*_narrowed(sought), *(_whole() if replayable else ())]
    return arrivals.newest(
        session, QuarantineRow, _HELD, conditions, excerpt=excerpt, spans=arrivals.HOURS
    )


def count(session: Session, sought: Sought, excerpt: Excerpt, *, replayable: bool) -> int:
    """Return how many `chosen` would return, all of them."""
    query = select(func.count()).where(
        *arrivals.matching(QuarantineRow, excerpt),
        *_narrowed(sought),
        *(_whole() if replayable else ()),
    )
    return session.scalar(query) or 0


def can_t_be_replayed(row: Row[Any]) -> str | None:
    """Return why a fact can't be replayed, None where it can."""
    if row.truncated:
        return "only its beginning was kept: it can't be replayed"
    if row.source not in _REPLAYABLE:
        return "it did not come from the platform: whoever brought it was told"
    return None


def groups(session: Session, sought: Sought, excerpt: Excerpt) -> Sequence[Row[Any]]:
    """Return how many there are of each reason, point and shape, the most first, at most `limit`.

    With each comes when the first and the last was accepted, and the id of the last.
    """
    row, n = QuarantineRow, func.count()
    first, last = func.min(row.accepted_at), func.max(row.accepted_at)
    columns: Sequence[Any] = (
        row.reason,
        row.point_id,
        row.shape,
        n.label("n"),
        first.label("first_at"),
        last.label("last_at"),
        func.max(cast(row.id, Text)).label("example"),
    )
    query = (
        select(*columns)
        .where(*arrivals.matching(row, excerpt), *_narrowed(sought))
        .group_by(row.reason, row.point_id, row.shape)
        .order_by(n.desc(), last.desc(), row.shape)
        .limit(excerpt.limit)
    )
    return session.execute(query).all()


def lock(session: Session, row: Row[Any]) -> State:
    """Return what became of a fact, which nobody changes until the session is committed."""
    note(session, [Note(row)])
    where = QuarantineStateRow.digest == row.digest, QuarantineStateRow.day == row.day
    return State(session.scalars(select(QuarantineStateRow.state).where(*where)).one())


def note(session: Session, notes: Sequence[Note]) -> None:
    """Remember what was done about facts, in key order, as all who do so lock them."""
    if notes:
        ordered = sorted(notes, key=lambda each: (each.row.day, each.row.digest))
        session.execute(_NOTE, [_noted(each) for each in ordered])


def _noted(note: Note) -> dict[str, Any]:
    return {
        "digest": note.row.digest,
        "day": note.row.day,
        "state": note.state.value,
        "replays": json.dumps([note.replay] if note.replay else []),
    }


def _narrowed(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.reason:
        yield QuarantineRow.reason.in_(sought.reason)
    if sought.answered:
        yield QuarantineRow.answered.in_(sought.answered)
    if sought.state:
        yield _STATE.in_(sought.state)
    if sought.like:
        yield _is_like(sought.like)


def _is_like(id_: UUID) -> ColumnElement[bool]:
    """Return the condition that none meets where that one is gone, or nobody looked at its shape.

    Its shape is not asked for by itself: so no question holds one, and nothing private with it.
    """
    own, one = QuarantineRow, aliased(QuarantineRow)
    since, until = _around(id_)
    query = select(one.reason, one.point_id, one.shape).where(
        one.id == id_,
        one.shape != "",
        one.accepted_at.between(since, until),
        one.day.between(since.date(), until.date()),
    )
    return tuple_(own.reason, own.point_id, own.shape).in_(query)


def _around(id_: UUID) -> tuple[datetime, datetime]:
    """Return between which times what has an id was accepted, if there is any such thing."""
    try:
        moment = made_at(id_)
        return moment - _APART, moment + _APART
    except (ValueError, OverflowError):
        return _NEVER, _NEVER


def _whole() -> Iterator[ColumnElement[bool]]:
    yield ~QuarantineRow.truncated
    yield QuarantineRow.source.in_(_REPLAYABLE)
