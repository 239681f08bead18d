"""What is done about what lies in quarantine, by a key or from a shell; each in the audit log."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Engine, Row
from sqlalchemy.orm import Session

from receiver.domain.errors import ConflictError, NotFoundError, SealedError
from receiver.domain.facts import Kind
from receiver.store import audit, jobs, points
from receiver.store import quarantine as stored
from receiver.store.audit import Act, Who
from receiver.store.job_tables import JobRow
from receiver.store.points import Point
from receiver.store.quarantine import Note, State
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web.arrival_lists import raw_item
from receiver.web.quarantine_queries import Selection
from receiver.web.replaying import Replayer
from receiver.web.shown_sends import Codes, Json, point_item
from receiver.web.times import utc

KIND: Final = Kind.QUARANTINED.value
REPLAYING: Final = "quarantine.replay"
DISCARDING: Final = "quarantine.discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and on whose facts."""

    who: Who
    domain: str
    point_ids: Collection[UUID] = ()
    """The points that they are narrowed to; none means all."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where one fact is replayed, over a connection of its own."""

    engine: Engine
    replayer: Replayer
    connect: Callable[[], psycopg.Connection[Any]]


def get(session: Session, id_: str, actor: Actor) -> Row[Any]:
    """Return what lies in quarantine under an id, with its body. Raises: NotFoundError."""
    try:
        row = stored.find(session, UUID(id_), domain=actor.domain, point_ids=actor.point_ids)
    except ValueError:
        row = None
    if row is None:
        raise NotFoundError("nothing in quarantine has this id")
    return row


def opened(engine: Engine, row: Row[Any], codes: Codes, actor: Actor) -> Json:
    """Return a fact with its body as it came; unwritten in the audit log, it is not read."""
    act = Act(verb=audit.RAW_READ, kind=KIND, ids=[str(row.id)])
    with writing(engine) as session:
        audit.record(session, act, who=actor.who, domain=actor.domain)
    return {**item(row, codes), "headers": row.headers, **raw_item(bytes(row.raw))}


def replay(site: Site, row: Row[Any], actor: Actor, *, trust: bool) -> Json:
    """Replay a fact; return its state, and what each of its notifications became.

    Raises: what `Replayer.replay` does, but ConflictError where a key is missing.
    """
    with reading(site.engine) as session:
        point = point_of(session, row)
    try:
        with site.connect() as connection:
            replayed = site.replayer.replay(connection, row, bytes(row.raw), point, trust=trust)
    except SealedError as error:
        raise ConflictError(str(error)) from error
    with writing(site.engine) as session:
        before = stored.lock(session, row)
        state = before if replayed.state is State.OPEN else replayed.state
        stored.note(session, [replayed.note(row, actor.who, trust=trust)])
        act = Act(
            verb=REPLAYING,
            kind=KIND,
            ids=[str(row.id)],
            before={"state": before},
            after={"state": state, "results": dict(replayed.counts), "trust": trust},
        )
        audit.record(session, act, who=actor.who, domain=actor.domain)
    return {"id": str(row.id), "state": state, "results": replayed.results}


def discard(engine: Engine, row: Row[Any], actor: Actor) -> None:
    """Say that a fact needs nothing more. Raises: ConflictError where it was replayed."""
    with writing(engine) as session:
        state = stored.lock(session, row)
        if state is State.REPLAYED:
            raise ConflictError("it has been replayed: there is nothing to discard")
        stored.note(session, [Note(row, State.DISCARDED)])
        act = Act(
            verb=DISCARDING,
            kind=KIND,
            ids=[str(row.id)],
            before={"state": state},
            after={"state": State.DISCARDED},
        )
        audit.record(session, act, who=actor.who, domain=actor.domain)


def count(engine: Engine, kind: str, selection: Selection, actor: Actor) -> int:
    """Return how much a job of this kind would take up."""
    with reading(engine) as session:
        excerpt = selection.excerpt(actor.domain, actor.point_ids)
        return stored.count(session, selection.sought, excerpt, replayable=kind == REPLAYING)


def begin_job(
    session: Session, kind: str, selection: Selection, total: int, actor: Actor
) -> JobRow:
    """Begin a job that replays, or discards, what was counted."""
    job = jobs.begin(
        session,
        kind,
        domain=actor.domain,
        point_ids=actor.point_ids,
        who=actor.who,
        asked=selection.asked(),
        total=total,
    )
    after = {"kind": kind, "asked": job.asked, "total": total}
    act = Act(verb="job.begin", kind="job", ids=[str(job.id)], after=after)
    audit.record(session, act, who=actor.who, domain=actor.domain)
    return job


def point_of(session: Session, row: Row[Any]) -> Point:
    """Return the point that a fact came in at, be it deleted. Raises: ConflictError without it."""
    point = points.find_by_id(session, row.point_id) if row.point_id else None
    if point is None:
        raise ConflictError("its integration point is gone: it can't be replayed")
    return point


def item(row: Row[Any], codes: Codes) -> Json:
    """Return what lies in quarantine, without its body."""
    return {
        "id": str(row.id),
        "accepted_at": utc(row.accepted_at),
        "point": point_item(row.point_id, codes),
        "path": row.path,
        "reason": row.reason,
        "message": row.message,
        "errors": row.errors,
        "answered": row.answered,
        "bytes": row.bytes,
        "sha256": bytes(row.sha256).hex(),
        "truncated": row.truncated,
        "shape": row.shape,
        "state": row.state,
        "replays": row.replays,
    }


def group_item(row: Row[Any], codes: Codes) -> Json:
    """Return how many there are of one reason, point and shape."""
    return {
        "reason": row.reason,
        "point": point_item(row.point_id, codes),
        "shape": row.shape,
        "count": row.n,
        "first_at": utc(row.first_at),
        "last_at": utc(row.last_at),
        "example": row.example,
    }
