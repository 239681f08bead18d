"""The shapes of our answers, for the OpenAPI document; tests hold the answers against them."""

from typing import Final

from marshmallow import RAISE, Schema, fields, validate

from receiver.domain.facts import NOTICED, Kind, Source, State
from receiver.domain.questions import Finding
from receiver.domain.status import STATUSES, Outcome
from receiver.platform.checks import CHECKED
from receiver.store.apply import Result
from receiver.web import saying

#: What is no JSON.
PLAIN_TEXT: Final = {"type": "string", "contentMediaType": "text/plain"}
PAGE: Final = {"type": "string", "contentMediaType": "text/html"}
FILE: Final = {"type": "string", "contentMediaType": "*/*"}


class Shape(Schema):
    """Has the fields that it names, no others."""

    class Meta:
        unknown = RAISE


class Problem(Shape):
    """An RFC 9457 problem."""

    type = saying.text()
    title = saying.text()
    status = saying.count()
    detail = saying.text()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class Refusal(Shape):
    """An error of integration points: the code is the status and a thousand."""

    error_code = saying.count()
    error_message = saying.text()


class FailureShape(Shape):
    """What the platform says where it takes nothing, and what we say in its place."""

    code = saying.text()
    description = saying.text()
    transid = saying.text()


class PlatformFailure(Shape):
    """The same in its envelope."""

    response = saying.nested(FailureShape)


class ProfileFailure(FailureShape):
    """The same without one."""


class HookError(Shape):
    """What a hook answers where nothing was taken."""

    error = saying.text()


class HookResult(Shape):
    """What became of one notification."""

    result = saying.one_of(*(result.value for result in Result), CHECKED)
    id = saying.text()
    kind = fields.String(
        validate=validate.OneOf([Kind.RECEIPT.value, *(kind.value for kind in NOTICED)])
    )
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class HookResults(Shape):
    """What became of each notification of an array."""

    results = fields.List(fields.Nested(HookResult), required=True)


class SendResult(Shape):
    """What became of one recorded send; an exchange of several has them in `results`."""

    status = saying.count()
    id = saying.maybe_text()
    transid = saying.maybe_text()
    errors = saying.errors()
    differs = fields.List(fields.String(), required=True)
    results = fields.List(fields.Nested("SendResult"))


class SendResults(Shape):
    """What became of each of many."""

    results = fields.List(fields.Nested(SendResult), required=True)


class PointShape(Shape):
    """The integration point that something belongs to."""

    id = saying.text()
    code = saying.maybe_text()


class Summary(Shape):
    """Deliveries by outcome."""

    deliveries = saying.count()
    pending = saying.count()
    success = saying.count()
    failure = saying.count()
    complaint = saying.count()


class SendItem(Shape):
    """A send as lists show it."""

    id = saying.text()
    transid = saying.maybe_text()
    correlationid = saying.text()
    point = saying.nested(PointShape, allow_none=True)
    channel = saying.text()
    sender = saying.text()
    tag = saying.text()
    state = saying.one_of(*(state.value for state in State))
    recorded = saying.flag()
    requested_at = saying.maybe_time()
    accepted_at = saying.maybe_time()
    summary = saying.nested(Summary)


class SendList(Shape):
    """A page of sends."""

    items = fields.List(fields.Nested(SendItem), required=True)
    next = saying.maybe_text()


class SendsFound(Shape):
    """For each transid, in their order, its send, or null where none is known."""

    items = fields.List(fields.Nested(SendItem, allow_none=True), required=True)


class AnswerShape(Shape):
    """What the platform said to a request."""

    http = saying.maybe_count()
    code = saying.text()
    description = saying.text()
    at = saying.maybe_time()


class DeliveryShape(Shape):
    """What became of a send at one destination."""

    destination = saying.text()
    destination_type = saying.text()
    correlationid = saying.text()
    status = saying.one_of(*(status.name for status in STATUSES))
    outcome = saying.one_of(*(outcome.value for outcome in Outcome))
    raw_status = saying.text()
    also = saying.maybe_text()
    code = saying.text()
    code_text = saying.maybe_text()
    description = saying.text()
    additional_info = saying.text()
    carrier = saying.maybe_text()
    segments = saying.maybe_count()
    provider_at = saying.maybe_time()
    provider_at_raw = saying.text()
    zone_assumed = saying.flag()
    first_receipt_at = saying.maybe_time()
    status_at = saying.maybe_time()
    latency_ms = saying.maybe_count()
    overdue = saying.flag()
    conflict = saying.flag()


class DeliveryItem(DeliveryShape):
    """A delivery as lists show it."""

    id = saying.text()
    send_id = saying.text()
    transid = saying.maybe_text()
    point = saying.nested(PointShape, allow_none=True)
    channel = saying.text()
    sender = saying.text()
    tag = saying.text()
    recorded = saying.flag()
    requested_at = saying.maybe_time()
    known_at = saying.time()


class DeliveryList(Shape):
    """A page of deliveries."""

    items = fields.List(fields.Nested(DeliveryItem), required=True)
    next = saying.maybe_text()


class EntryShape(Shape):
    """One line of a timeline."""

    id = saying.text()
    kind = saying.one_of("request", "answer", "receipt", "event", "profile", "reply")
    source = saying.one_of(*(source.value for source in Source))
    accepted_at = saying.time()
    provider_at = saying.maybe_time()
    destination = saying.maybe_text()
    status = saying.maybe_text()
    raw_status = saying.maybe_text()
    code = saying.maybe_text()
    description = saying.maybe_text()
    decisive = saying.flag()


class ReplyShape(Shape):
    """A customer's answer, with how sure it is that it is one to this send."""

    tid = saying.text()
    accepted_at = saying.time()
    sender = saying.text(data_key="from")
    text = saying.text()
    method = saying.one_of("quoted", "pair")
    confidence = fields.Float(required=True)


class QuestionShape(Shape):
    """A question to the platform about an overdue send, and what came of it."""

    asked_at = saying.time()
    asked_as = saying.text()
    finding = saying.one_of(*(finding.value for finding in Finding))
    http = saying.maybe_count()
    code = saying.text()


class More(Shape):
    """Where the next page of a part is."""

    deliveries = saying.maybe_text()
    timeline = saying.maybe_text()


class SendShape(SendItem):
    """A send, and what became of it."""

    aliases = fields.List(fields.String(), required=True)
    text = saying.text()
    callback_data = saying.text()
    metadata = fields.Dict(required=True)
    answer = saying.nested(AnswerShape, allow_none=True)
    expires_at = saying.maybe_time()
    notify_url = saying.text()
    reports_elsewhere = saying.flag()
    deliveries = fields.List(fields.Nested(DeliveryShape), required=True)
    timeline = fields.List(fields.Nested(EntryShape), required=True)
    replies = fields.List(fields.Nested(ReplyShape), required=True)
    questions = fields.List(fields.Nested(QuestionShape), required=True)
    more = saying.nested(More)
