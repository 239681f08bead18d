"""Bodies of what the sandbox sends: receipts, results, messages; compact JSON, as it is signed.

Source: CONTRACT.md 2 (receipts), 3 (messages), 7 (profile status). What a notification of an
event looks like is documented nowhere (6): this one has the ids by which it is found.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, json

from receiver.domain.identity import base_of
from receiver.sandbox.channels import Channel, Spelled


class Receipt(Struct, frozen=True, kw_only=True):
    """What a receipt is made of."""

    channel: Channel
    said: Spelled
    at: datetime
    has_zone: bool
    transid: str
    destination: str
    destination_type: str
    correlationid: str
    callback_data: str


def receipt(made_of: Receipt) -> bytes:
    """Return the body of a receipt."""
    suffix = made_of.channel.suffix if made_of.transid == base_of(made_of.transid) else ""
    inner = {
        "timeStamp": moment(made_of.at, zone=made_of.has_zone),
        "Description": made_of.said.description,
        "code": made_of.said.code,
        **made_of.channel.extra,
        "deliveryChannel": made_of.channel.name,
        "additionalInfo": "",
        "destination": made_of.destination,
        "destinationType": made_of.destination_type,
        "deliveryStatus": made_of.said.status,
    }
    envelope = {
        "deliveryInfo": inner,
        "subtid": "",
        "transid": made_of.transid + suffix,
        "callbackData": made_of.callback_data,
        "correlationid": made_of.correlationid,
    }
    return json.encode({"deliveryInfoNotification": envelope})


def event(*, evtid: str, transid: str, correlationid: str, at: datetime) -> bytes:
    """Return the body that says that an event was executed."""
    return json.encode(
        {
            "evtid": evtid,
            "transid": transid,
            "correlationid": correlationid,
            "code": "1000",
            "description": "Success",
            "timeStamp": moment(at),
        }
    )


def moment(at: datetime, *, zone: bool = True) -> str:
    """Return a time as the platform writes it, to the millisecond."""
    text = at.isoformat(timespec="milliseconds")
    return text if zone else text[: -len("+00:00")]


class Inbound(Struct, frozen=True, kw_only=True):
    """What a customer says."""

    customer: str
    own: str
    text: str
    tid: str
    at: datetime


def _short_message(channel: str) -> Callable[[Inbound], dict[str, Any]]:
    def body(said: Inbound) -> dict[str, Any]:
        return {
            "userId": "",
            "channel": channel,
            "oa": said.customer,
            "da": said.own,
            "message": said.text,
            "tid": said.tid,
            "datetime": moment(said.at),
            "ts": moment(said.at),
        }

    return body


def _app_message(channel: str, key: str) -> Callable[[Inbound], dict[str, Any]]:
    def body(said: Inbound) -> dict[str, Any]:
        return {
            "userId": "",
            "channel": channel,
            "appId": said.own,
            "event": "MO",
            key: said.customer,
            "message": said.text,
            "attachments": "[]",
            "ts": moment(said.at),
            "tid": f"{said.tid}_0",
        }

    return body


def _mail(said: Inbound) -> dict[str, Any]:
    return {
        "channel": "Email",
        "event": "MO",
        "from": said.customer,
        "to": [said.own],
        "subject": "",
        "textMessage": said.text,
        "attachments": [],
        "ts": moment(said.at),
        "tid": said.tid,
    }


#: How a customer's message looks, by channel.
MESSAGES: Final[Mapping[str, Callable[[Inbound], dict[str, Any]]]] = {
    "sms": _short_message("SMS"),
    "whatsapp": _app_message("WhatsApp", "waid"),
    "rcs": _app_message("rcs", "msisdn"),
    "messenger": _app_message("Facebook Messenger", "psid"),
    "rt": _app_message("Rtm", "userId"),
    "twitter": _app_message("Twitter", "twitterId"),
    "instagram": _app_message("instagram", "igsid"),
    "apple": _app_message("AppleBusinessChat", "abcUserId"),
    "email": _mail,
}


def message(channel: str, said: Inbound) -> bytes:
    """Return the body of a customer's message over a channel of MESSAGES."""
    return json.encode(MESSAGES[channel](said))
