"""Requests to the platform's messaging APIs, as sends that nobody has answered yet.

Source: CONTRACT.md 5 (bodies of v1, v2 and the SMS API v1).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from receiver.domain.errors import BadInputError
from receiver.domain.facts import Destination, Origin, Send, State
from receiver.domain.identity import type_of
from receiver.platform.channels import channel_of
from receiver.platform.keys import fold, fold_key
from receiver.platform.storable import LONG, WHOLE, address_text, key_text, text_of
from receiver.platform.times import parse_time

#: Folded keys of which a request to send has at least one.
_SIGNS: Final = ("destination", "to", "deliverychannel", "channels", "channel", "content")
#: Folded keys beside a destination's address.
_BESIDE: Final = frozenset({"correlationid", "substitutions", "parameters", "options", "extras"})
#: Types of address whose name doesn't end in "id".
_TYPES: Final = frozenset({"msisdn", "email", "tel", "phone", "topic"})
#: Further recipients of a mail.
_COPIES: Final[Mapping[str, str]] = {"cc": "email", "bcc": "email"}
#: Folded keys of `channels` that are no channel.
_NO_CHANNELS: Final = frozenset({"smartlinks"})
#: Channels that stand one level deeper in `channels`.
_NESTING: Final = "ottmessaging"
_TEXTS: Final = ("text", "body", "message", "content", "html", "caption", "subject")
_SENDERS: Final = ("senderid", "from", "sender", "appid", "fromaddress")
#: What else of a request is worth knowing: our name to the folded key.
_METADATA: Final[Mapping[str, str]] = {"sendAt": "sendat", "validity": "validity"}
_DEPTH: Final = 4


def parse_requests(request: Any) -> Sequence[Send]:
    """Return one send for each request of a body: v1 takes an array of them.

    Raises: BadInputError for what is no request to send.
    """
    if isinstance(request, list) and request:
        return [parse_request(one, f"request.{index}") for index, one in enumerate(request)]
    return [parse_request(request, "request")]


def parse_request(request: Any, path: str) -> Send:
    """Return the send that one request is; `path` names it. Raises: BadInputError."""
    flat = fold(request) if isinstance(request, Mapping) else {}
    if not any(key in flat for key in _SIGNS):
        raise _fault(path, "is no request to send a message")
    name, content = _content(flat)
    expires_at, _ = parse_time(text_of(flat.get("expiry", flat.get("expireat"))), UTC)
    return Send(
        origin=Origin.EXCHANGE,
        state=State.UNCONFIRMED,
        correlationid=key_text(flat.get("correlationid")),
        channel=name,
        sender=_sender(flat, content),
        destinations=tuple(_destinations(flat, path)),
        text=_text_in(content, _DEPTH),
        callback_data=text_of(flat.get("callbackdata", flat.get("notifydata")), LONG),
        metadata=_metadata(flat),
        expires_at=expires_at,
        notify_url=text_of(flat.get("notifyurl"), LONG),
    )


def _content(flat: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the channel's name, and what is sent over it."""
    named = channel_of(flat.get("deliverychannel", flat.get("channel")))
    contents = dict(_channels(flat.get("channels"), _DEPTH))
    if contents:
        name = named or next(iter(contents))
        return name, contents.get(name, next(iter(contents.values())))
    return named or _unnamed(flat), flat.get("content", flat.get("message"))


def _channels(channels: Any, depth: int) -> Iterator[tuple[str, Any]]:
    for key, content in channels.items() if isinstance(channels, Mapping) and depth else ():
        folded = fold_key(text_of(key))
        if folded == _NESTING:
            yield from _channels(content, depth - 1)
        elif folded not in _NO_CHANNELS:
            yield channel_of(key), content


def _unnamed(flat: Mapping[str, Any]) -> str:
    """Return the channel of a request that names none: the SMS API's, unless an app sends it."""
    is_sms = "content" in flat and "to" in flat and "template" not in flat
    return "sms" if is_sms and not text_of(flat.get("from")).startswith("a_") else ""


def _sender(flat: Mapping[str, Any], content: Any) -> str:
    inner = fold(content) if isinstance(content, Mapping) else {}
    found = (place[key] for place in (inner, flat) for key in _SENDERS if key in place)
    return address_text(next(found, ""))


def _text_in(content: Any, depth: int) -> str:
    """Return the first text of a channel's content, which platforms and types may nest."""
    if not isinstance(content, Mapping):
        return text_of(content, WHOLE) if isinstance(content, str) else ""
    flat = fold(content)
    named = [flat[key] for key in _TEXTS if key in flat]
    nested = [value for value in flat.values() if isinstance(value, Mapping)]
    for value in named + nested if depth else ():
        text = _text_in(value, depth - 1)
        if text:
            return text
    return ""


def _metadata(flat: Mapping[str, Any]) -> dict[str, str]:
    metadata = {name: text_of(flat[key]) for name, key in _METADATA.items() if key in flat}
    message = flat.get("message")
    inner = fold(message) if isinstance(message, Mapping) else {}
    template = inner.get("template", flat.get("template", flat.get("templateid")))
    if isinstance(template, Mapping):
        named = fold(template)
        template = named.get("id", named.get("templateid", named.get("name")))
    return metadata | {"template": text_of(template)} if template else metadata


def _destinations(flat: Mapping[str, Any], path: str) -> Iterator[Destination]:
    """Yield the recipients of both spellings: v1's `destination`, v2's and the SMS API's `to`."""
    key = "destination" if "destination" in flat else "to"
    named = flat.get(key, [])
    for index, one in enumerate(named if isinstance(named, list) else [named]):
        if isinstance(one, Mapping):
            yield from _of_object(one)
        elif isinstance(one, str | int) and not isinstance(one, bool):
            value = address_text(one)
            yield Destination(value=value, type=type_of("", value))
        else:
            raise _fault(f"{path}.{key}.{index}", "must be an object or a text")


def _of_object(one: Mapping[str, Any]) -> Iterator[Destination]:
    correlationid = key_text(fold(one).get("correlationid"))
    for key, values in one.items():
        for value in _addresses(fold_key(key), values):
            text = address_text(value)
            kind = type_of(_COPIES.get(fold_key(key), text_of(key)), text)
            yield Destination(value=text, type=kind, correlationid=correlationid)


def _addresses(key: str, values: Any) -> Iterator[str | int]:
    """Yield the addresses under a folded key: of any list, of a text only where it names a type."""
    is_type = key in _TYPES or key.endswith("id")
    if key in _BESIDE or not (isinstance(values, list) or is_type):
        return
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            yield value


def _fault(path: str, fault: str) -> BadInputError:
    return BadInputError("the request is none of the platform's", fields={path: [fault]})
