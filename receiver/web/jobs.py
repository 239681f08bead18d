"""Jobs: how far the worker is with what somebody began, and cancelling it."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from receiver.domain.errors import ConflictError, NotFoundError
from receiver.store import audit
from receiver.store import jobs as stored
from receiver.store.audit import Act, Who
from receiver.store.job_tables import JobRow
from receiver.store.jobs import State
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web.arrival_lists import excerpt_of
from receiver.web.auth import current_key, requires
from receiver.web.fields import Choices, Instant
from receiver.web.freshness import finish
from receiver.web.queries import ListQuery, read_page
from receiver.web.rooms import rooms
from receiver.web.times import utc, utc_or_none


class JobsQuery(ListQuery):
    """What the list of jobs is narrowed by."""

    state = Choices([state.value for state in State], metadata={"description": "How far a job is."})
    since = Instant(metadata={"description": "Begun at this time or later."})
    until = Instant(metadata={"description": "Begun before this time."})


JOBS_QUERY: Final = JobsQuery()

jobs = Blueprint("jobs", __name__, url_prefix="/api/v1")
jobs.after_request(finish)


@jobs.get("/jobs")
@requires("admin")
def index() -> ResponseReturnValue:
    """Return jobs, the newest first; a key that is narrowed to points sees those of its own."""
    page = read_page(JOBS_QUERY, current_key())
    place = page.place(str, str)
    with reading(rooms().engine) as session:
        excerpt = excerpt_of(page, current_key(), place, page.limit + 1)
        rows = stored.newest(session, page.sought.get("state", ()), excerpt)
        shown = rows[: page.limit]
        after = [utc(shown[-1].created_at), str(shown[-1].id)] if len(rows) > len(shown) else None
        return page.answer([job_item(row) for row in shown], after)


@jobs.get("/jobs/<id>")
@requires("admin")
def show(id: str) -> ResponseReturnValue:  # noqa: A002  its name in the path
    """Return how far a job is: `done` of `total`, and what that came to."""
    key = current_key()
    with reading(rooms().engine) as session:
        return job_item(get(session, id, domain=key.domain, point_ids=key.point_ids))


@jobs.delete("/jobs/<id>")
@requires("admin")
def cancel(id: str) -> ResponseReturnValue:  # noqa: A002
    """Stop a job where it is; what it has done stays done. 409 where it ended by itself."""
    key = current_key()
    with writing(rooms().engine) as session:
        job = get(session, id, domain=key.domain, point_ids=key.point_ids)
        stop(session, job, who=audit.by_key(key))
        return job_item(job)


def get(session: Session, id_: str, *, domain: str, point_ids: Any = ()) -> JobRow:
    """Return a job of a domain. Raises: NotFoundError."""
    try:
        row = stored.find(session, UUID(id_), domain=domain, point_ids=point_ids)
    except ValueError:
        row = None
    if row is None:
        raise NotFoundError("there is no such job")
    return row


def stop(session: Session, job: JobRow, *, who: Who) -> None:
    """Cancel a job; again is harmless. Raises: ConflictError where it ended by itself."""
    if stored.end(session, job.id, State.CANCELLED):
        act = Act(verb="job.cancel", kind="job", ids=[str(job.id)], after={"done": job.done})
        audit.record(session, act, who=who, domain=job.domain)
    session.refresh(job)
    if job.state != State.CANCELLED:
        raise ConflictError(f"the job is {job.state}")


def job_item(row: JobRow) -> dict[str, Any]:
    """Return a job."""
    key_id = str(row.key_id) if row.key_id else None
    return {
        "id": str(row.id),
        "kind": row.kind,
        "state": row.state,
        "asked": row.asked,
        "who": {"kind": row.who_kind, "name": row.who, "key_id": key_id},
        "total": row.total,
        "done": row.done,
        "results": row.results,
        "error": row.error or None,
        "created_at": utc(row.created_at),
        "started_at": utc_or_none(row.started_at),
        "ended_at": utc_or_none(row.ended_at),
    }
