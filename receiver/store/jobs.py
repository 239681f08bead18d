"""Jobs: work for the worker, begun by a caller who may look how far it is, and cancel it.

Whoever works writes down how far it came together with what it did there: after a crash the next
goes on from that place, and nothing is counted twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from receiver.domain.facts import new_id
from receiver.store.arrivals import Excerpt
from receiver.store.audit import Who
from receiver.store.job_tables import JobRow

#: So long one that ended can be looked at.
KEPT: Final = timedelta(days=90)


class State(StrEnum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one piece of the work came to."""

    done: int
    results: Mapping[str, int]
    place: Sequence[str] | None
    """Where to go on; None where that was all."""


def begin(
    session: Session,
    kind: str,
    *,
    domain: str,
    point_ids: Collection[UUID],
    who: Who,
    asked: Mapping[str, Any],
    total: int,
) -> JobRow:
    """Make a job of a kind that the worker knows; `asked` says what is to be done."""
    row = JobRow(
        id=new_id(),
        domain=domain,
        kind=kind,
        point_ids=list(point_ids),
        who_kind=who.kind,
        who=who.name,
        key_id=who.key_id,
        asked=dict(asked),
        state=State.WAITING,
        total=total,
        done=0,
        results={},
        error="",
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    return row


def find(
    session: Session, id_: UUID, *, domain: str, point_ids: Collection[UUID] = ()
) -> JobRow | None:
    """Return a job; whoever is narrowed to points sees those that touch no others."""
    row = session.get(JobRow, id_)
    if row is None or row.domain != domain:
        return None
    is_theirs = not point_ids or (row.point_ids and set(row.point_ids) <= set(point_ids))
    return row if is_theirs else None


def newest(session: Session, states: Sequence[str], excerpt: Excerpt) -> Sequence[JobRow]:
    """Return jobs, the newest first, of some states if any are named; theirs as `find` does."""
    query = select(JobRow).where(JobRow.domain == excerpt.domain)
    if excerpt.point_ids:
        theirs = JobRow.point_ids.contained_by(list(excerpt.point_ids))
        query = query.where(theirs, func.cardinality(JobRow.point_ids) > 0)
    if states:
        query = query.where(JobRow.state.in_(states))
    if excerpt.since:
        query = query.where(JobRow.created_at >= excerpt.since)
    if excerpt.until:
        query = query.where(JobRow.created_at < excerpt.until)
    if excerpt.before:
        query = query.where(tuple_(JobRow.created_at, JobRow.id) < tuple_(*excerpt.before))
    order = JobRow.created_at.desc(), JobRow.id.desc()
    return session.scalars(query.order_by(*order).limit(excerpt.limit)).all()


def next_(session: Session, kinds: Collection[str]) -> JobRow | None:
    """Return the oldest job of some kinds that has not ended."""
    query = select(JobRow).where(JobRow.ended_at.is_(None), JobRow.kind.in_(kinds))
    return session.scalars(query.order_by(JobRow.created_at, JobRow.id).limit(1)).first()


def advance(session: Session, job: JobRow, step: Step) -> bool:
    """Note one piece of a job's work; False where it has ended, or somebody else did the piece."""
    now = datetime.now(UTC)
    row = session.get(JobRow, job.id, with_for_update=True, populate_existing=True)
    if row is None or row.ended_at is not None or row.place != job.place:
        return False
    row.started_at = row.started_at or now
    row.done += step.done
    names = row.results.keys() | step.results.keys()
    row.results = {
        name: row.results.get(name, 0) + step.results.get(name, 0) for name in sorted(names)
    }
    row.place = None if step.place is None else list(step.place)
    row.state = State.RUNNING if step.place is not None else State.DONE
    row.ended_at = now if step.place is None else None
    session.flush()
    return True


def end(session: Session, id_: UUID, state: State, *, error: str = "") -> bool:
    """End a job that has not ended yet; False where it has."""
    ended = session.execute(
        update(JobRow)
        .where(JobRow.id == id_, JobRow.ended_at.is_(None))
        .values(state=state, error=error, ended_at=datetime.now(UTC))
        .returning(JobRow.id)
    )
    return ended.first() is not None


def forget(session: Session, *, before: datetime) -> None:
    """Forget the jobs that ended before then."""
    session.execute(delete(JobRow).where(JobRow.ended_at < before))
