"""The shapes of what changes, and of statistics."""

from marshmallow import fields, validate

from receiver.domain.status import STATUSES, Outcome
from receiver.store.stats import Grain
from receiver.web import saying
from receiver.web.arrival_shapes import MessageShape
from receiver.web.changes import KINDS
from receiver.web.shapes import DeliveryItem, PointShape, Shape
from receiver.web.shown_stats import DIMENSIONS


class Deletion(Shape):
    """What is deleted: only its name is left."""

    kind = fields.String(required=True, validate=validate.OneOf(["delivery", "message", "event"]))
    id = fields.String(required=True)


class Changed(fields.Raw):
    """What changed, as it is now: a delivery, a message or event, or what is left of it."""

    shapes = (DeliveryItem, MessageShape, Deletion)


class ChangeShape(Shape):
    """One thing that changed; reading goes on behind it with its cursor."""

    cursor = fields.String(required=True)
    committed_at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    cause = fields.String(required=True)
    data = Changed(required=True, metadata={"type": "object"})


class ChangeList(Shape):
    """What changed, and where to go on: there is always a place to go on from."""

    items = fields.List(fields.Nested(ChangeShape), required=True)
    next = fields.String(required=True)


class TimeToDelivery(Shape):
    """Milliseconds from the request to the first Delivered, Answered or Read, of `n` deliveries.

    Each percentile is at most 5 % off. Those that were there before they were asked for, by the
    clocks of both sides, are `negative` and not among them.
    """

    n = saying.count()
    negative = saying.count()
    p50 = saying.maybe_count()
    p90 = saying.maybe_count()
    p99 = saying.maybe_count()


class CountsShape(Shape):
    """How many there were. Of sends there is none where deliveries are told apart by outcome."""

    sends = saying.maybe_count()
    refused = saying.maybe_count()
    unconfirmed = saying.maybe_count()
    orphans = saying.maybe_count()
    deliveries = saying.count()
    pending = saying.count()
    overdue = saying.count()
    success = saying.count()
    failure = saying.count()
    complaint = saying.count()
    conflict = saying.count()
    ttd_ms = fields.Nested(TimeToDelivery, required=True)


class StatsRow(CountsShape):
    """The counts of one bucket, of what is told apart by the dimensions that are asked for."""

    at = fields.AwareDateTime(required=True)
    status = fields.String(validate=validate.OneOf([status.name for status in STATUSES]))
    outcome = fields.String(validate=validate.OneOf([outcome.value for outcome in Outcome]))
    code = fields.String()
    channel = fields.String()
    sender = fields.String()
    tag = fields.String()
    carrier = fields.String()
    point = fields.Nested(PointShape, allow_none=True)
    compared = fields.Nested(CountsShape, required=True, allow_none=True)


class Stats(Shape):
    """Counts by buckets of time: what time they cover, and by which clock."""

    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True)
    bucket = fields.String(required=True, validate=validate.OneOf([*Grain]))
    by = fields.List(fields.String(validate=validate.OneOf([*DIMENSIONS])), required=True)
    clock = fields.String(required=True)
    percentile_error = fields.Float(required=True)
    ledger_since = fields.AwareDateTime(required=True, allow_none=True)
    items = fields.List(fields.Nested(StatsRow), required=True)
