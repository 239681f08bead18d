"""What the OpenAPI document says of the quarantine and of jobs."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from receiver.web import jobs, quarantine, shapes
from receiver.web import quarantine_shapes as shown
from receiver.web.operations import Operation, any_of
from receiver.web.quarantine_queries import (
    DiscardManySchema,
    QuarantineQuery,
    ReplayManySchema,
    ReplaySchema,
)

_CONFLICT: Final = {HTTPStatus.CONFLICT: shapes.Problem}
OPERATIONS: Final[Sequence[Operation]] = (
    Operation(
        view=quarantine.index,
        path="/api/v1/quarantine",
        query=QuarantineQuery,
        answers={HTTPStatus.OK: any_of(shown.QuarantineList, shown.QuarantineGroups)},
    ),
    Operation(
        view=quarantine.show,
        path="/api/v1/quarantine/<id>",
        name="getQuarantined",
        answers={HTTPStatus.OK: shown.QuarantineShape},
    ),
    Operation(
        view=quarantine.replay,
        path="/api/v1/quarantine/<id>/replay",
        method="post",
        name="replayQuarantined",
        body=ReplaySchema,
        needs_body=False,
        answers={HTTPStatus.OK: shown.ReplayResult, **_CONFLICT},
    ),
    Operation(
        view=quarantine.discard,
        path="/api/v1/quarantine/<id>/discard",
        method="post",
        name="discardQuarantined",
        answers={HTTPStatus.OK: shown.QuarantineItem, **_CONFLICT},
    ),
    Operation(
        view=quarantine.replay_many,
        path="/api/v1/quarantine/replay",
        method="post",
        name="replayQuarantine",
        body=ReplayManySchema,
        answers={HTTPStatus.OK: shown.Count, HTTPStatus.ACCEPTED: shown.JobShape, **_CONFLICT},
    ),
    Operation(
        view=quarantine.discard_many,
        path="/api/v1/quarantine/discard",
        method="post",
        name="discardQuarantine",
        body=DiscardManySchema,
        answers={HTTPStatus.OK: shown.Count, HTTPStatus.ACCEPTED: shown.JobShape, **_CONFLICT},
    ),
    Operation(
        view=jobs.index,
        path="/api/v1/jobs",
        query=jobs.JobsQuery,
        answers={HTTPStatus.OK: shown.JobList},
    ),
    Operation(
        view=jobs.show,
        path="/api/v1/jobs/<id>",
        answers={HTTPStatus.OK: shown.JobShape},
    ),
    Operation(
        view=jobs.cancel,
        path="/api/v1/jobs/<id>",
        method="delete",
        name="cancelJob",
        answers={HTTPStatus.OK: shown.JobShape, **_CONFLICT},
    ),
)
