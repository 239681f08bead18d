"""The shapes of the quarantine, of what replaying came to, and of jobs."""

from marshmallow import fields

from receiver.store import jobs
from receiver.store.quarantine import REASONS, State
from receiver.web import saying
from receiver.web.arrival_shapes import WhoShape
from receiver.web.quarantine_acts import DISCARDING, REPLAYING
from receiver.web.shapes import HookResult, PointShape, Shape


def _counts() -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class ReplayShape(Shape):
    """That somebody replayed it, alone or by a job, and how many notifications came to what."""

    at = saying.time()
    who = saying.nested(WhoShape)
    job = saying.maybe_text()
    trust = saying.flag()
    results = _counts()
    errors = saying.errors()


class QuarantineItem(Shape):
    """What could not be taken, and why."""

    id = saying.text()
    accepted_at = saying.time()
    point = saying.nested(PointShape, allow_none=True)
    path = saying.text()
    reason = saying.one_of(*REASONS)
    message = saying.text()
    errors = saying.errors()
    answered = saying.count()
    bytes = saying.count()
    sha256 = saying.text()
    truncated = saying.flag()
    shape = saying.text()
    state = saying.one_of(*(state.value for state in State))
    replays = fields.List(fields.Nested(ReplayShape), required=True)


class QuarantineList(Shape):
    """A page of the quarantine."""

    items = fields.List(fields.Nested(QuarantineItem), required=True)
    next = saying.maybe_text()


class QuarantineGroup(Shape):
    """How many there are of one reason, point and shape."""

    reason = saying.one_of(*REASONS)
    point = saying.nested(PointShape, allow_none=True)
    shape = saying.text()
    count = saying.count()
    first_at = saying.time()
    last_at = saying.time()
    example = saying.text()


class QuarantineGroups(Shape):
    """The most frequent groups."""

    items = fields.List(fields.Nested(QuarantineGroup), required=True)
    next = saying.maybe_text()


class QuarantineShape(QuarantineItem):
    """One of them, with its body as it came."""

    headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    raw = saying.text()
    raw_encoding = saying.one_of("utf-8", "base64")


class ReplayResult(Shape):
    """What became of each notification of one that was replayed."""

    id = saying.text()
    state = saying.one_of(*(state.value for state in State))
    results = fields.List(fields.Nested(HookResult), required=True)


class Count(Shape):
    """How many a job would take up, and what begins it; `confirm` is null where there are none."""

    count = saying.count()
    until = saying.time()
    confirm = saying.maybe_text()


class JobShape(Shape):
    """How far a job is, and what that came to."""

    id = saying.text()
    kind = saying.one_of(REPLAYING, DISCARDING)
    state = saying.one_of(*(state.value for state in jobs.State))
    asked = fields.Dict(required=True)
    who = saying.nested(WhoShape)
    total = saying.count()
    done = saying.count()
    results = _counts()
    error = saying.maybe_text()
    created_at = saying.time()
    started_at = saying.maybe_time()
    ended_at = saying.maybe_time()


class JobList(Shape):
    """A page of jobs."""

    items = fields.List(fields.Nested(JobShape), required=True)
    next = saying.maybe_text()
