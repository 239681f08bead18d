"""Customers: `POST /sandbox/mo` lets one of them write."""

from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf

from receiver.domain.errors import BadInputError
from receiver.sandbox.answers import new_transid
from receiver.sandbox.book import Entry as Line
from receiver.sandbox.book import Kind, Outcome
from receiver.sandbox.calling import is_callable
from receiver.sandbox.notifications import MESSAGES, Inbound, message
from receiver.sandbox.posting import Notification
from receiver.sandbox.state import Sandbox


def _callable(url: str) -> None:
    if not is_callable(url):
        raise ValidationError("must be an http or https address")


class WrittenSchema(Schema):
    """What a customer writes, from whom and to which of our addresses."""

    customer = fields.String(data_key="from", required=True, validate=Length(1, 500))
    own = fields.String(data_key="to", required=True, validate=Length(1, 500))
    text = fields.String(required=True, validate=Length(max=100_000))
    channel = fields.String(load_default="sms", validate=OneOf(tuple(MESSAGES)))
    notifyurl = fields.String(load_default="", validate=_callable)


_WRITTEN: Final = WrittenSchema()


def write(sandbox: Sandbox, said: Any) -> str:
    """Let a customer write; return the message's `tid`. Raises: BadInputError."""
    try:
        written = _WRITTEN.load(said)
    except ValidationError as error:
        faults = error.messages_dict
        raise BadInputError("the message can't be written", fields=faults) from None
    url = written.pop("notifyurl") or sandbox.notify_url
    if not url:
        fault = {"notifyurl": ["is missing, and the service has none of its own"]}
        raise BadInputError("nobody would hear of the message", fields=fault)
    channel = written.pop("channel")
    inbound = Inbound(**written, tid=new_transid(), at=datetime.now(UTC))
    line = Line(
        kind=Kind.MESSAGE,
        outcome=Outcome.WAITING,
        transid=inbound.tid,
        destination=inbound.customer,
    )
    told = Notification(url=url, body=message(channel, inbound), entry=line)
    sandbox.poster.hand_over([told])
    return inbound.tid
