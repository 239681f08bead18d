"""The shapes of what arrived, of conversations, and of the audit log."""

from marshmallow import fields, validate

from receiver.domain.facts import NOTICED, Source
from receiver.domain.status import STATUSES, Outcome
from receiver.web import saying
from receiver.web.shapes import PointShape, Shape


class ArrivalShape(Shape):
    """What was taken at a hook. `raw` is the body as it came, where it was asked for."""

    id = saying.text()
    accepted_at = saying.time()
    provider_at = saying.maybe_time()
    provider_at_raw = saying.text()
    zone_assumed = saying.flag()
    point = saying.nested(PointShape, allow_none=True)
    channel = saying.text()
    correlationid = saying.text()
    raw = fields.String()
    raw_encoding = fields.String(validate=validate.OneOf(["utf-8", "base64"]))


class MessageShape(ArrivalShape):
    """What a customer wrote; or an event, a call, or what became of profiles."""

    tid = saying.text()
    kind = saying.one_of(*(kind.value for kind in NOTICED))
    name = saying.text()
    sender = saying.text(data_key="from")
    recipient = saying.text(data_key="to")
    text = saying.text()
    subject = saying.text()
    attachments = fields.List(fields.Raw(), required=True)
    details = fields.Dict(required=True)
    quoted = saying.text()
    transid = saying.maybe_text()


class MessageList(Shape):
    """A page of messages, or of events and calls."""

    items = fields.List(fields.Nested(MessageShape), required=True)
    next = saying.maybe_text()


class RecordShape(Shape):
    """What became of one profile."""

    customerid = saying.text()
    code = saying.text()
    description = saying.text()


class ProfileShape(ArrivalShape):
    """What became of the profiles of one request, as far as it was told at that moment."""

    transid = saying.text()
    appid = saying.text()
    code = saying.text()
    description = saying.text()
    success = saying.maybe_count()
    failure = saying.maybe_count()
    results = fields.List(fields.Nested(RecordShape), required=True)


class ProfileList(Shape):
    """A page of results of profiles."""

    items = fields.List(fields.Nested(ProfileShape), required=True)
    next = saying.maybe_text()


class ReceiptShape(ArrivalShape):
    """A receipt as it came."""

    transid = saying.text()
    alias = saying.maybe_text()
    source = saying.one_of(*(source.value for source in Source))
    destination = saying.text()
    destination_type = saying.text()
    status = saying.one_of(*(status.name for status in STATUSES))
    outcome = saying.one_of(*(outcome.value for outcome in Outcome))
    raw_status = saying.text()
    code = saying.text()
    code_text = saying.maybe_text()
    description = saying.text()
    additional_info = saying.text()
    carrier = saying.maybe_text()
    segments = saying.maybe_count()
    callback_data = saying.text()


class ReceiptList(Shape):
    """A page of receipts."""

    items = fields.List(fields.Nested(ReceiptShape), required=True)
    next = saying.maybe_text()


class Utterance(Shape):
    """What was sent to somebody (`out`), or what came from them (`in`)."""

    direction = saying.one_of("out", "in")
    at = saying.time()
    accepted_at = saying.time()
    sender = saying.text(data_key="from")
    recipient = saying.text(data_key="to")
    point = saying.nested(PointShape, allow_none=True)
    channel = saying.text()
    text = saying.text()
    correlationid = saying.text()
    send_id = saying.maybe_text()
    transid = saying.maybe_text()
    tid = saying.maybe_text()
    status = saying.maybe_text()
    outcome = saying.maybe_text()


class Conversation(Shape):
    """A page of a conversation."""

    items = fields.List(fields.Nested(Utterance), required=True)
    next = saying.maybe_text()


class WhoShape(Shape):
    """An API key by its prefix, or a user of the machine by name."""

    kind = saying.one_of("key", "shell")
    name = saying.text()
    key_id = saying.maybe_text()


class AuditLine(Shape):
    """Who did what to what."""

    id = saying.count()
    at = saying.time()
    what = saying.text()
    who = saying.nested(WhoShape)
    kind = saying.text()
    ids = fields.List(fields.String(), required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class AuditList(Shape):
    """A page of the audit log."""

    items = fields.List(fields.Nested(AuditLine), required=True)
    next = saying.maybe_text()
