"""Channels: one name for each, and the keys under which each names customer and own address.

Source: CONTRACT.md 2.1 (`deliveryChannel`), 3 (inbound keys by channel), 9.19 (oa is the customer).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from receiver.platform.storable import text_of

_NAME_CHARACTERS: Final = 100

#: Spelling (lower case, letters only) to name.
NAMES: Final[Mapping[str, str]] = {
    "sms": "sms",
    "mms": "mms",
    "voice": "voice",
    "email": "email",
    "whatsapp": "whatsapp",
    "wa": "whatsapp",
    "rcs": "rcs",
    "push": "push",
    "rt": "rt",
    "rtm": "rt",
    "inapp": "rt",
    "inappmessaging": "rt",
    "livechat": "rt",
    "appmessaging": "rt",  # deprecated name of the same
    "messenger": "messenger",
    "fb": "messenger",
    "facebook": "messenger",
    "facebookmessenger": "messenger",
    "fbmessenger": "messenger",
    "twitter": "twitter",
    "twitterdm": "twitter",
    "wechat": "wechat",
    "apple": "apple",
    "abc": "apple",
    "amb": "apple",
    "applebusinesschat": "apple",
    "applemessages": "apple",
    "applemessagesforbusiness": "apple",
    "instagram": "instagram",
    "ig": "instagram",
    "googlebusiness": "googlebusiness",
    "googlebusinessmessages": "googlebusiness",
    "gbm": "googlebusiness",
}

#: Folded keys of the customer's address, best first; `oa` goes before all of them.
SENDERS: Final[Mapping[str, Sequence[str]]] = {
    "whatsapp": ("waid", "bsuid", "userhandle", "userid"),
    "messenger": ("psid", "userid"),
    "rt": ("userid", "clientid"),
    "email": ("from",),
    "rcs": ("msisdn",),
    "twitter": ("twitterid", "twitterhandle"),
    "apple": ("abcuserid",),
    "instagram": ("igsid",),
    "wechat": ("openid", "wechatid"),
    "voice": ("callerid",),
    "push": ("pushid", "deviceid", "userid"),
}
_ANY_SENDER: Final = (
    *("waid", "psid", "igsid", "twitterid", "abcuserid", "openid", "bsuid", "msisdn", "from"),
    *("callerid", "sender", "userid", "customerid"),
)
#: Folded keys of our own address, best first; `da` goes before all of them.
RECIPIENTS: Final[Mapping[str, Sequence[str]]] = {
    "email": ("to", "senderid", "appid"),  # senderId: the mailbox that was (un)subscribed from
    "voice": ("dialednumber",),
}
_ANY_RECIPIENT: Final = ("to", "appid", "abcaccountid", "dialednumber", "recipient")

_NOT_LETTERS = re.compile(r"[^a-z]")


def channel_of(spelling: object) -> str:
    """Return the name of a channel; one that we don't know stays as reported, in lower case."""
    text = text_of(spelling, _NAME_CHARACTERS).strip().lower()
    return NAMES.get(text) or NAMES.get(_NOT_LETTERS.sub("", text), text)


def sender_key(channel: str, flat: Mapping[str, Any]) -> str:
    """Return which key of a folded notification names the customer, else an empty string."""
    return _first(flat, "oa", *SENDERS.get(channel, ()), f"{channel}id", *_ANY_SENDER)


def recipient_key(channel: str, flat: Mapping[str, Any]) -> str:
    """Return which key of a folded notification names our own address, else an empty string."""
    return _first(flat, "da", *RECIPIENTS.get(channel, ()), *_ANY_RECIPIENT)


def _first(flat: Mapping[str, Any], *keys: str) -> str:
    return next((key for key in keys if key in flat), "")
