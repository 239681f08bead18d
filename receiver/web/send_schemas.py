"""What is taken in about a send: as the caller records it, or as exchanged with the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates
from marshmallow import validates_schema as validates_all

from receiver.domain.facts import Destination, Send, State
from receiver.domain.identity import CHECK_PREFIX, is_check
from receiver.domain.sends import REGISTERED_PREFIX
from receiver.web.fields import ChannelName, Instant, Metadata, Recipient, Text

MOST_SENDS: Final = 1000
MOST_DESTINATIONS: Final = 1000
TRANSID: Final[Mapping[str, Any]] = {"most": 200, "most_bytes": 512}
CORRELATIONID: Final[Mapping[str, Any]] = {"most": 50, "most_bytes": 50}


class Strict(Schema):
    """Refuses fields that it doesn't know."""

    class Meta:
        unknown = RAISE


class DestinationSchema(Strict):
    """One recipient as the sender names it."""

    value = Text(most=2000, most_bytes=2048, required=True)
    type = Text(most=50)
    correlationid = Text(**CORRELATIONID)

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Destination:
        """Return the destination."""
        return Destination(**loaded)


class SendFields(Strict):
    """What may be told of a send."""

    transid = Text(**TRANSID)
    correlationid = Text(**CORRELATIONID)
    channel = ChannelName(most=50)
    sender = Text(most=200, most_bytes=512)
    destinations = fields.List(
        Recipient(DestinationSchema, metadata={"anyOf": [{"type": "string"}, {"type": "object"}]}),
        validate=validate.Length(1, MOST_DESTINATIONS),
    )
    text = Text(most=100_000, most_bytes=100_000, line=False)
    callback_data = Text(most=2000, line=False)
    requested_at = Instant()
    expires_at = Instant()
    tag = Text(most=100)
    metadata = Metadata()

    @validates("transid")
    def _check_transid(self, transid: str, **_: Any) -> None:
        if transid.startswith(REGISTERED_PREFIX):
            raise ValidationError(f"must not begin with {REGISTERED_PREFIX}")
        if is_check(transid):
            raise ValidationError(f"must not begin with {CHECK_PREFIX}: receiver check does")

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Send:
        """Return the send; without a transid it is only registered."""
        state = State.ACCEPTED if "transid" in loaded else State.REGISTERED
        return Send(state=state, **loaded)


class SendSchema(SendFields):
    """A send as the caller records it."""

    @validates_all
    def _check_something(self, given: Mapping[str, Any], **_: Any) -> None:
        if not given.keys() & {"transid", "destinations"}:
            raise ValidationError("is needed where there is no transid", "destinations")


class CompletionSchema(SendFields):
    """What completes a registered send."""

    transid = Text(**TRANSID, required=True)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The platform's own request and answer, parsed JSON."""

    request: Any
    response: Any = None
    http: int | None = None


class ExchangeSchema(Strict):
    """A request to the platform, with what it answered."""

    request = fields.Raw(required=True)
    response = fields.Raw(allow_none=True)
    http = fields.Integer(strict=True, validate=validate.Range(100, 599))

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Exchange:
        """Return the exchange."""
        return Exchange(**loaded)


SEND: Final = SendSchema()
COMPLETION: Final = CompletionSchema()
EXCHANGE: Final = ExchangeSchema()
