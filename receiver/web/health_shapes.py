"""The shapes of what is said of health."""

from marshmallow import fields

from receiver.web import saying
from receiver.web.shapes import PointShape, Shape


class Timed(Shape):
    """How long it took to find out, and how long it may take."""

    ms = fields.Float(required=True)
    timeout_ms = saying.count()


class DatabaseHealth(Timed):
    """Whether Postgres can commit."""

    status = saying.one_of(
        "ok", "away", "standby", "empty", "behind", "unsafe", "full", "read_only"
    )


class SpoolHealth(Timed):
    """Whether the spool would take facts, and what waits in it."""

    status = saying.one_of("ok", "off", "full", "unwritable")
    facts = saying.count()
    bytes = saying.count()
    oldest_seconds = saying.count()
    damaged = saying.count()


class DirectoryHealth(Timed):
    """Whether it is known who may come in."""

    status = saying.one_of("ok", "unknown")


class FeedHealth(Shape):
    """For how long a transaction has held the change feed back."""

    lag_seconds = fields.Float(required=True)


class HealthParts(Shape):
    """The ways in which a notification can be made durable, and whether any is let in."""

    database = saying.nested(DatabaseHealth)
    spool = saying.nested(SpoolHealth)
    directory = saying.nested(DirectoryHealth)
    feed = saying.nested(FeedHealth)


class Health(Shape):
    """Whether the process can do its work."""

    status = saying.one_of("live", "ready", "degraded", "unready")
    parts = fields.Nested(HealthParts)


class PartitionsHealth(Timed):
    """For how many days in a row there are partitions."""

    status = saying.one_of("ok", "short", "unknown")
    days_ahead = saying.maybe_count()


class WorkerHealth(Timed):
    """Whether a worker does what needs one owner."""

    status = saying.one_of("ok", "absent", "unknown")


class ConnectionsHealth(Timed):
    """What the connections of the whole server do."""

    status = saying.one_of("ok", "crowded", "unknown")
    by_state = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    most = saying.maybe_count()


class VitalParts(Shape):
    """What Postgres and whoever works in it need."""

    commit = saying.nested(DatabaseHealth)
    feed = saying.nested(FeedHealth)
    partitions = saying.nested(PartitionsHealth)
    worker = saying.nested(WorkerHealth)
    connections = saying.nested(ConnectionsHealth)


class DatabaseVitals(Shape):
    """How Postgres is."""

    status = saying.one_of("ok", "degraded", "down")
    parts = saying.nested(VitalParts)


class PointFlow(Shape):
    """Whether receipts come for what is sent through a point, or without naming one."""

    point = saying.nested(PointShape, allow_none=True)
    status = saying.one_of("flowing", "silent")
    waiting = saying.count()
    since = saying.maybe_time()


class FlowHealth(Timed):
    """Whether receipts come for what is sent."""

    status = saying.one_of("flowing", "idle", "silent", "unknown")
    silence_seconds = saying.count()
    points = fields.List(fields.Nested(PointFlow), required=True)
