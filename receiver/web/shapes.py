"""The shapes of our answers, for the OpenAPI document; tests hold the answers against them."""

from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from receiver.domain.facts import Kind, Source, State
from receiver.domain.status import STATUSES, Outcome
from receiver.store.apply import Result

#: What is no JSON.
PLAIN_TEXT: Final = {"type": "string", "contentMediaType": "text/plain"}
PAGE: Final = {"type": "string", "contentMediaType": "text/html"}
FILE: Final = {"type": "string", "contentMediaType": "*/*"}


def _text(**more: Any) -> fields.String:
    return fields.String(required=True, **more)


def _maybe_text() -> fields.String:
    return _text(allow_none=True)


def _time() -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True)


def _maybe_time() -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True, allow_none=True)


def _flag() -> fields.Boolean:
    return fields.Boolean(required=True)


def _count() -> fields.Integer:
    return fields.Integer(required=True)


def _maybe_count() -> fields.Integer:
    return fields.Integer(required=True, allow_none=True)


def _one_of(*choices: str, **more: Any) -> fields.String:
    return _text(validate=validate.OneOf(choices), **more)


def _nested(shape: "type[Shape]", **more: Any) -> fields.Nested:
    return fields.Nested(shape, required=True, **more)


def _errors() -> fields.Dict:
    """Return the field that maps the path of a field to its faults."""
    faults = fields.List(fields.String())
    return fields.Dict(keys=fields.String(), values=faults, required=True)


class Shape(Schema):
    """Has the fields that it names, no others."""

    class Meta:
        unknown = RAISE


class Problem(Shape):
    """An RFC 9457 problem."""

    type = _text()
    title = _text()
    status = _count()
    detail = _text()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class HookError(Shape):
    """What a hook answers where nothing was taken."""

    error = _text()


class HookResult(Shape):
    """What became of one notification."""

    result = _one_of(*(result.value for result in Result))
    id = _text()
    kind = fields.String(
        validate=validate.OneOf(
            [Kind.RECEIPT.value, Kind.MESSAGE.value, Kind.EVENT.value, Kind.CALL.value]
        )
    )
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class HookResults(Shape):
    """What became of each notification of an array."""

    results = fields.List(fields.Nested(HookResult), required=True)


class DatabaseHealth(Shape):
    """Whether Postgres can commit."""

    status = _one_of("ok", "away", "standby", "empty", "behind", "unsafe")


class SpoolHealth(Shape):
    """Whether the spool would take facts, and what waits in it."""

    status = _one_of("ok", "off", "full", "unwritable")
    facts = _count()
    bytes = _count()
    oldest_seconds = _count()
    damaged = _count()


class DirectoryHealth(Shape):
    """Whether it is known who may come in."""

    status = _one_of("ok", "unknown")


class FeedHealth(Shape):
    """For how long a transaction has held the change feed back."""

    lag_seconds = fields.Float(required=True)


class HealthParts(Shape):
    """The ways in which a notification can be made durable, and whether any is let in."""

    database = _nested(DatabaseHealth)
    spool = _nested(SpoolHealth)
    directory = _nested(DirectoryHealth)
    feed = _nested(FeedHealth)


class Health(Shape):
    """Whether the process can do its work."""

    status = _one_of("live", "ready", "degraded", "unready")
    parts = fields.Nested(HealthParts)


class SendResult(Shape):
    """What became of one recorded send; an exchange of several has them in `results`."""

    status = _count()
    id = _maybe_text()
    transid = _maybe_text()
    errors = _errors()
    differs = fields.List(fields.String(), required=True)
    results = fields.List(fields.Nested("SendResult"))


class SendResults(Shape):
    """What became of each of many."""

    results = fields.List(fields.Nested(SendResult), required=True)


class PointShape(Shape):
    """The integration point that something belongs to."""

    id = _text()
    code = _maybe_text()


class Summary(Shape):
    """Deliveries by outcome."""

    deliveries = _count()
    pending = _count()
    success = _count()
    failure = _count()
    complaint = _count()


class SendItem(Shape):
    """A send as lists show it."""

    id = _text()
    transid = _maybe_text()
    correlationid = _text()
    point = _nested(PointShape, allow_none=True)
    channel = _text()
    sender = _text()
    tag = _text()
    state = _one_of(*(state.value for state in State))
    recorded = _flag()
    requested_at = _maybe_time()
    accepted_at = _maybe_time()
    summary = _nested(Summary)


class SendList(Shape):
    """A page of sends."""

    items = fields.List(fields.Nested(SendItem), required=True)
    next = _maybe_text()


class SendsFound(Shape):
    """For each transid, in their order, its send, or null where none is known."""

    items = fields.List(fields.Nested(SendItem, allow_none=True), required=True)


class AnswerShape(Shape):
    """What the platform said to a request."""

    http = _maybe_count()
    code = _text()
    description = _text()
    at = _maybe_time()


class DeliveryShape(Shape):
    """What became of a send at one destination."""

    destination = _text()
    destination_type = _text()
    correlationid = _text()
    status = _one_of(*(status.name for status in STATUSES))
    outcome = _one_of(*(outcome.value for outcome in Outcome))
    raw_status = _text()
    also = _maybe_text()
    code = _text()
    code_text = _maybe_text()
    description = _text()
    additional_info = _text()
    carrier = _maybe_text()
    segments = _maybe_count()
    provider_at = _maybe_time()
    provider_at_raw = _text()
    zone_assumed = _flag()
    first_receipt_at = _maybe_time()
    status_at = _maybe_time()
    latency_ms = _maybe_count()
    overdue = _flag()
    conflict = _flag()


class DeliveryItem(DeliveryShape):
    """A delivery as lists show it."""

    id = _text()
    send_id = _text()
    transid = _maybe_text()
    point = _nested(PointShape, allow_none=True)
    channel = _text()
    sender = _text()
    tag = _text()
    recorded = _flag()
    requested_at = _maybe_time()
    known_at = _time()


class DeliveryList(Shape):
    """A page of deliveries."""

    items = fields.List(fields.Nested(DeliveryItem), required=True)
    next = _maybe_text()


class EntryShape(Shape):
    """One line of a timeline."""

    id = _text()
    kind = _one_of("request", "answer", "receipt", "event", "reply")
    source = _one_of(*(source.value for source in Source))
    accepted_at = _time()
    provider_at = _maybe_time()
    destination = _maybe_text()
    status = _maybe_text()
    raw_status = _maybe_text()
    code = _maybe_text()
    description = _maybe_text()
    decisive = _flag()


class ReplyShape(Shape):
    """A customer's answer, with how sure it is that it is one to this send."""

    tid = _text()
    accepted_at = _time()
    sender = _text(data_key="from")
    text = _text()
    method = _one_of("quoted", "pair")
    confidence = fields.Float(required=True)


class More(Shape):
    """Where the next page of a part is."""

    deliveries = _maybe_text()
    timeline = _maybe_text()


class SendShape(SendItem):
    """A send, and what became of it."""

    aliases = fields.List(fields.String(), required=True)
    text = _text()
    callback_data = _text()
    metadata = fields.Dict(required=True)
    answer = _nested(AnswerShape, allow_none=True)
    expires_at = _maybe_time()
    deliveries = fields.List(fields.Nested(DeliveryShape), required=True)
    timeline = fields.List(fields.Nested(EntryShape), required=True)
    replies = fields.List(fields.Nested(ReplyShape), required=True)
    more = _nested(More)


class ArrivalShape(Shape):
    """What was taken at a hook. `raw` is the body as it came, where it was asked for."""

    id = _text()
    accepted_at = _time()
    provider_at = _maybe_time()
    provider_at_raw = _text()
    zone_assumed = _flag()
    point = _nested(PointShape, allow_none=True)
    channel = _text()
    correlationid = _text()
    raw = fields.String()
    raw_encoding = fields.String(validate=validate.OneOf(["utf-8", "base64"]))


class MessageShape(ArrivalShape):
    """What a customer wrote; or an event, or a call."""

    tid = _text()
    kind = _one_of(Kind.MESSAGE.value, Kind.EVENT.value, Kind.CALL.value)
    name = _text()
    sender = _text(data_key="from")
    recipient = _text(data_key="to")
    text = _text()
    subject = _text()
    attachments = fields.List(fields.Raw(), required=True)
    details = fields.Dict(required=True)
    quoted = _text()
    transid = _maybe_text()


class MessageList(Shape):
    """A page of messages, or of events and calls."""

    items = fields.List(fields.Nested(MessageShape), required=True)
    next = _maybe_text()


class ReceiptShape(ArrivalShape):
    """A receipt as it came."""

    transid = _text()
    alias = _maybe_text()
    source = _one_of(*(source.value for source in Source))
    destination = _text()
    destination_type = _text()
    status = _one_of(*(status.name for status in STATUSES))
    outcome = _one_of(*(outcome.value for outcome in Outcome))
    raw_status = _text()
    code = _text()
    code_text = _maybe_text()
    description = _text()
    additional_info = _text()
    carrier = _maybe_text()
    segments = _maybe_count()
    callback_data = _text()


class ReceiptList(Shape):
    """A page of receipts."""

    items = fields.List(fields.Nested(ReceiptShape), required=True)
    next = _maybe_text()


class Utterance(Shape):
    """What was sent to somebody (`out`), or what came from them (`in`)."""

    direction = _one_of("out", "in")
    at = _time()
    accepted_at = _time()
    sender = _text(data_key="from")
    recipient = _text(data_key="to")
    point = _nested(PointShape, allow_none=True)
    channel = _text()
    text = _text()
    correlationid = _text()
    send_id = _maybe_text()
    transid = _maybe_text()
    tid = _maybe_text()
    status = _maybe_text()
    outcome = _maybe_text()


class Conversation(Shape):
    """A page of a conversation."""

    items = fields.List(fields.Nested(Utterance), required=True)
    next = _maybe_text()


class WhoShape(Shape):
    """An API key by its prefix, or a user of the machine by name."""

    kind = _one_of("key", "shell")
    name = _text()
    key_id = _maybe_text()


class AuditLine(Shape):
    """Who did what to what."""

    id = _count()
    at = _time()
    what = _text()
    who = _nested(WhoShape)
    kind = _text()
    ids = fields.List(fields.String(), required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class AuditList(Shape):
    """A page of the audit log."""

    items = fields.List(fields.Nested(AuditLine), required=True)
    next = _maybe_text()
