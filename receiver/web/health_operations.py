"""What the OpenAPI document says of health and metrics."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from marshmallow import Schema

from receiver.web import health, metrics, shapes
from receiver.web.health_shapes import DatabaseVitals, FlowHealth, Health
from receiver.web.operations import Operation, Shapes, any_of


def _well_or_not(shape: type[Schema], *more: type[Schema]) -> Mapping[HTTPStatus, Shapes]:
    return {HTTPStatus.OK: shape, HTTPStatus.SERVICE_UNAVAILABLE: any_of(shape, *more)}


OPERATIONS: Final[Sequence[Operation]] = (
    Operation(
        view=health.live,
        path="/health/live",
        name="getLiveness",
        answers={HTTPStatus.OK: Health},
        shown={HTTPStatus.OK: {"live": {"status": "live"}}},
    ),
    Operation(
        view=health.ready,
        path="/health/ready",
        name="getReadiness",
        answers=_well_or_not(Health),
    ),
    Operation(
        view=health.database,
        path="/health/database",
        name="getDatabaseHealth",
        answers=_well_or_not(DatabaseVitals, shapes.Problem),
    ),
    Operation(
        view=health.flow,
        path="/health/flow",
        name="getFlow",
        answers=_well_or_not(FlowHealth, shapes.Problem),
    ),
    Operation(
        view=metrics.show,
        path="/metrics",
        name="getMetrics",
        answers={HTTPStatus.OK: shapes.PLAIN_TEXT},
    ),
)
