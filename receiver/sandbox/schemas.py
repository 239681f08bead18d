"""What requests must be like. A fault is a text: the code of the answer, a blank, its description.

Unknown fields pass; an empty text is an absent one, and so is a placeholder of the platform's own
pages, like `<expiry time in UTC format>`.

Source: CONTRACT.md 5 (messaging, limits), 6 (events), 7 (app profiles).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, Final

from marshmallow import (
    INCLUDE,
    Schema,
    ValidationError,
    fields,
    pre_load,
    validates_schema,
)
from marshmallow.validate import Length, OneOf, Range

from receiver.platform.keys import fold
from receiver.platform.times import parse_time

#: Destinations, events or records of one request.
MOST: Final = 1000
LONGEST_ID_BYTES: Final = 50
#: Folded keys of addresses, as the platform names them where there is none.
ADDRESSES: Final = (
    *("customerid", "msisdn", "email", "psid", "waid", "bsuid", "igsid", "twitterid", "userid"),
    *("pushid", "deviceid", "abcuserid", "openid", "wechatid", "topic", "tel", "phone"),
)
_NO_ADDRESS: Final = f"7003 any one of [{','.join(ADDRESSES)}] is mandatory"
_REQUIRED: Final = str(fields.Field.default_error_messages["required"])
_PLACEHOLDER: Final = re.compile(r"<[^<>]*>")


class Fault(Exception):  # noqa: N818  an answer of the platform's, and none of our errors
    """A request that is refused, with the code of the answer.

    `description` is empty where the code has a text of its own, `transid` where it names the whole.
    """

    def __init__(self, code: str, description: str = "", *, transid: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.transid = transid


def load(schema: Schema, said: Any) -> dict[str, Any]:
    """Return what a request says, under folded keys.

    Raises: Fault, for what is missing before what is wrong.
    """
    try:
        loaded: dict[str, Any] = schema.load(said)
    except ValidationError as error:
        code, _, description = min(_faults(error.messages, "request")).partition(" ")
        raise Fault(code, description) from None
    return loaded


def _faults(messages: Any, name: str) -> Iterator[str]:
    """Yield the faults of a tree of messages; what only marshmallow words is worded by name."""
    if isinstance(messages, Mapping):
        for key, part in messages.items():
            is_field = isinstance(key, str) and key != "_schema"
            yield from _faults(part, key if is_field else name)
    elif isinstance(messages, list):
        for part in messages:
            yield from _faults(part, name)
    elif messages == _REQUIRED:
        yield f"7003 param '{name}' missing"
    else:
        yield messages if messages.startswith("7") else f"7004 invalid value for param {name}"


def _short_id(value: str) -> None:
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_ID_BYTES:
        raise ValidationError("is too long")


def _moment(value: str) -> None:
    if not _PLACEHOLDER.fullmatch(value) and parse_time(value, UTC)[0] is None:
        raise ValidationError("is no time")


class _Folded(Schema):
    """An object under folded keys, without what is empty."""

    class Meta:
        unknown = INCLUDE

    @pre_load
    def fold(self, said: Any, **_: Any) -> Any:
        """Return the object with one spelling of each key."""
        return fold(said) if isinstance(said, Mapping) else said


class DestinationSchema(_Folded):
    """Recipients of one type, or of several."""

    correlationid = fields.String(validate=_short_id)

    @validates_schema
    def check_addresses(self, said: Mapping[str, Any], **_: Any) -> None:
        """Refuse an object without an address, and addresses that are no list of texts."""
        named = [name for name in said if name in ADDRESSES]
        if not named:
            raise ValidationError(_NO_ADDRESS)
        for name in named:
            values = said[name]
            if not isinstance(values, list) or not values or not all(map(_is_address, values)):
                raise ValidationError("is no list of addresses", name)


def _is_address(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(str(value).strip())


class SmartlinkSchema(_Folded):
    """A link whose clicks are counted."""

    linkid = fields.Integer(required=True)
    validity = fields.Integer()


class TemplateSchema(_Folded):
    """A template in place of a text."""

    template = fields.Raw(required=True)


class SmsSchema(_Folded):
    """The content of a short message."""

    text = fields.String(validate=Length(max=1024))
    senderid = fields.String()


class ChannelsSchema(_Folded):
    """What is sent over which channel."""

    smartlinks = fields.List(fields.Nested(SmartlinkSchema))
    sms = fields.Nested(SmsSchema)

    @validates_schema
    def check_contents(self, said: Mapping[str, Any], **_: Any) -> None:
        """Refuse a channel whose content is no object."""
        for name, content in said.items():
            if name != "smartlinks" and not isinstance(content, Mapping):
                raise ValidationError("is no object", name)


class MessagingSchema(_Folded):
    """One request to send."""

    deliverychannel = fields.String()
    destination = fields.List(fields.Nested(DestinationSchema), required=True)
    channels = fields.Nested(ChannelsSchema, required=True)
    message = fields.Nested(TemplateSchema)
    correlationid = fields.String(validate=_short_id)
    notifyurl = fields.String()
    callbackdata = fields.String(validate=Length(max=2000))
    notifydata = fields.String(validate=Length(max=2000))
    expiry = fields.String(validate=_moment)
    priority = fields.Integer(validate=Range(1, 3))
    route = fields.String(validate=OneOf(("IMMD", "LCGD", "LCBE")))

    @validates_schema
    def check_content(self, said: Mapping[str, Any], **_: Any) -> None:
        """Refuse what has no recipient, no channel, or nothing to say."""
        if not said["destination"]:
            raise ValidationError(_REQUIRED, "destination")
        named = said.get("deliverychannel", "").lower()
        contents = said["channels"].keys() - {"smartlinks"}
        if not named and not contents:
            raise ValidationError(_REQUIRED, "deliverychannel")
        has_text = "text" in said["channels"].get("sms", {}) or "message" in said
        if named in {"sms", ""} and contents <= {"sms"} and not has_text:
            raise ValidationError("7003 param 'text' missing for channel sms")


class EventSchema(_Folded):
    """One event."""

    evtid = fields.String(required=True)
    correlationid = fields.String(validate=_short_id)
    parameters = fields.Dict()


class EventsSchema(_Folded):
    """What is said once for all events of a request; the faults of each are answered apart."""

    expiry = fields.String(validate=_moment)
    notifyurl = fields.String()
    events = fields.List(
        fields.Raw(),
        required=True,
        validate=[
            Length(min=1, error="7004 'events' array shouldn't be empty"),
            Length(max=MOST),
        ],
        error_messages={"required": "7003 Mandatory parameter 'events' missing"},
    )


class RecordSchema(_Folded):
    """The profile of one customer."""

    customerid = fields.String(required=True)
    attributes = fields.Dict(required=True)

    @validates_schema
    def check_attributes(self, said: Mapping[str, Any], **_: Any) -> None:
        """Refuse attributes that hold more than one value: none that is documented does."""
        for name, value in said["attributes"].items():
            if isinstance(value, list | dict):
                raise ValidationError(f"7011 Invalid Attribute Value: {name[:50]}")


class RecordsSchema(_Folded):
    """A request for app profiles."""

    records = fields.List(
        fields.Nested(RecordSchema),
        required=True,
        validate=[Length(min=1, error=_REQUIRED), Length(max=MOST)],
    )
