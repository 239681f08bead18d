"""Replaying or discarding what lies in quarantine, many at once: a duty of the worker, in pieces.

What a piece came to and how far the job is are written down together, after its facts are
durable. So after a crash the next worker does that piece again, which changes nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Engine, Row
from sqlalchemy.orm import Session

from receiver.domain.errors import ConflictError, SealedError, SetupError
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import arrivals, jobs, quarantine
from receiver.store.audit import Who
from receiver.store.erasures import Erasures
from receiver.store.job_tables import JobRow
from receiver.store.jobs import Step
from receiver.store.points import Point
from receiver.store.quarantine import Note, State
from receiver.store.reading import reading
from receiver.store.tables import QuarantineRow
from receiver.store.writing import writing
from receiver.web import cursors
from receiver.web.arrival_lists import place_of
from receiver.web.quarantine_acts import DISCARDING, REPLAYING, point_of
from receiver.web.quarantine_queries import Selection
from receiver.web.replaying import Replayed, Replayer
from receiver.web.signatures import Signatures

#: In one turn no piece begins past this, so that other duties have theirs.
TURN_SECONDS: Final = 5.0
PIECE_FACTS: Final = 50
SKIPPED: Final = "skipped"
DISCARDED: Final = "discarded"

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of what a job is to replay."""

    rows: Sequence[Row[Any]]
    bodies: Mapping[UUID, bytes]
    points: Mapping[UUID, Point]
    is_last: bool

    @property
    def place(self) -> Sequence[str] | None:
        """Where the next begins, None where there is none."""
        return None if self.is_last else place_of(self.rows[-1])


@dataclass(slots=True)
class _Done:
    """What a piece came to."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    fault: str = ""

    def add(self, counts: Mapping[str, int], note: Note | None = None) -> None:
        """Add what one fact came to."""
        self.counts.update(counts)
        self.notes += [note] if note else []


class QuarantineJobs:
    """Works off jobs that replay or discard, the oldest first."""

    def __init__(
        self,
        engine: Engine,
        replayer: Replayer,
        *,
        piece_facts: int = PIECE_FACTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._replayer = replayer
        self._piece_facts = piece_facts
        self._clock = clock

    def turn(self, connection: psycopg.Connection[Any]) -> int:
        """Work for a bounded time, facts going over `connection`; return how many were done.

        Raises: StoreAwayError, psycopg.Error.
        """
        until, done = self._clock() + TURN_SECONDS, 0
        while self._clock() < until:
            with reading(self._engine) as session:
                job = jobs.next_(session, (REPLAYING, DISCARDING))
                piece = self._piece(session, job) if job else None
            if job is None or piece is None:
                break
            done += self._work(connection, job, piece)
        return done

    def _piece(self, session: Session, job: JobRow) -> _Piece:
        chosen = Selection.told(job.asked)
        place = cursors.moment(job.place, name="place") if job.place else None
        excerpt = chosen.excerpt(job.domain, job.point_ids, before=place, limit=self._piece_facts)
        replays = job.kind == REPLAYING
        found = quarantine.chosen(session, chosen.sought, excerpt, replayable=replays)
        bodies = arrivals.raw_bodies(session, QuarantineRow, found) if found and replays else {}
        rows = [row for row in found if row.id in bodies or not replays]
        is_last = not rows or len(rows) == len(found) < self._piece_facts
        return _Piece(rows, bodies, _points(session, rows), is_last)

    def _work(self, connection: psycopg.Connection[Any], job: JobRow, piece: _Piece) -> int:
        """Replay a piece, and write down what that came to."""
        done = _Done()
        try:
            for row in piece.rows:
                if job.kind == DISCARDING:
                    done.add({DISCARDED: 1}, Note(row, State.DISCARDED))
                elif replayed := self._replay(connection, job, piece, row):
                    done.add(replayed.counts, _note(job, row, replayed))
                else:
                    done.add({SKIPPED: 1})
        except (SealedError, SetupError) as error:
            done.fault = str(error)
            logger.warning("job_failed", job=str(job.id), reason=done.fault)
        with writing(self._engine) as session:
            if done.fault:
                jobs.end(session, job.id, jobs.State.FAILED, error=done.fault)
            else:
                step = Step(done=len(piece.rows), results=done.counts, place=piece.place)
                jobs.advance(session, job, step)
            quarantine.note(session, done.notes)
        return len(done.notes)

    def _replay(
        self, connection: psycopg.Connection[Any], job: JobRow, piece: _Piece, row: Row[Any]
    ) -> Replayed | None:
        """Replay one; None where its point is gone."""
        point = piece.points.get(row.point_id)
        if point is None:
            return None
        raw = piece.bodies[row.id]
        return self._replayer.replay(connection, row, raw, point, trust=job.asked["trust"])


def replayer_of(settings: Settings) -> Replayer:
    """Return what replays, outside of the service."""
    return Replayer(
        signatures=Signatures(cache(settings.sealer)),
        most_body_bytes=settings.max_body_bytes,
        erasures=Erasures(partial(Sealer.known, settings.secret_keys, settings.var_dir)),
    )


def forget(engine: Engine) -> None:
    """Forget jobs that nobody will look at any more."""
    with writing(engine) as session:
        jobs.forget(session, before=datetime.now(UTC) - jobs.KEPT)


def _note(job: JobRow, row: Row[Any], replayed: Replayed) -> Note:
    who = Who(kind=job.who_kind, name=job.who, key_id=job.key_id)
    return replayed.note(row, who, trust=job.asked["trust"], job_id=job.id)


def _points(session: Session, rows: Sequence[Row[Any]]) -> Mapping[UUID, Point]:
    """Return the points that facts came in at, as far as there are any."""
    found: dict[UUID, Point] = {}
    for row in {row.point_id: row for row in rows}.values():
        try:
            found[row.point_id] = point_of(session, row)
        except ConflictError:
            continue
    return found
