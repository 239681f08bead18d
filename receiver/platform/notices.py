"""Messages from customers, events, calls, profiles: flat notifications, keys chosen by tables.

Source: CONTRACT.md 3 (inbound messages), 4 (call events), 7 (profiles), 9.19 to 9.21 (traps).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Kind, Notice
from receiver.platform.attachments import PLACED, attachments_of, files_of
from receiver.platform.bodies import embedded
from receiver.platform.channels import channel_of, recipient_key, sender_key
from receiver.platform.compiled import compiled
from receiver.platform.fields import Address, Channel, Details, Key, Transaction, Verbatim
from receiver.platform.keys import fold, fold_key
from receiver.platform.storable import LONG, WHOLE, text_of
from receiver.platform.times import parse_time
from receiver.platform.words import addresses_in, quoted_in, words_in

#: Folded keys of a message's own id, best first.
MESSAGE_IDS: Final = ("tid", "messageid", "mid", "msgid")
#: Column to the folded keys that may hold it, best first.
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("event",),
    "tid": MESSAGE_IDS,
    "subject": ("subject",),
    "transid": ("transid", "transactionid"),
    "correlationid": ("correlationid",),
    "quoted": (
        *("contextid", "context", "requestidentifier", "relatedtid", "inreplyto"),
        *("quotedmessageid", "replytomessageid", "originalmessageid"),
    ),
}
_CALL_COLUMNS: Final = {**_COLUMNS, "tid": ("sessionid", "tid")}
_TEXTS: Final = (
    *("message", "textmessage", "text", "buttontext", "listrowtitle", "title", "postback"),
    "htmlmessage",  # rather than nothing, for a mail that has no other text
)
_CALL_TEXTS: Final = ("text",)
#: `ts` carries a zone where the older `datetime` has none.
_TIMES: Final = ("ts", "timestamp", "eventtime", "datetime", "time")
_CALL_TIMES: Final = ("eventtime", *_TIMES)

#: In no detail: what says a thing twice, or at length.
_OMITTED: Final = PLACED | {"channel", "htmlmessage", *_TIMES}
_EMBEDDED_CHARACTERS: Final = 65_536
_DETAIL_CHARACTERS: Final = 2_048


class NoticeSchema(Schema):
    """A notice by its columns; what has no column of its own is in `details`."""

    class Meta:
        unknown = EXCLUDE

    kind = fields.Enum(Kind, by_value=True, required=True)
    name = Verbatim()
    tid = Transaction()
    channel = Channel()
    sender = Address()
    recipient = Address()
    text = Verbatim(limit=WHOLE)
    subject = Verbatim(limit=LONG)
    attachments = fields.Raw(load_default=())
    details = Details(load_default=dict)
    transid = Transaction()
    correlationid = Key()
    quoted = Key()
    provider_at = fields.Raw(load_default=None)
    provider_at_raw = Verbatim()
    zone_assumed = fields.Raw(load_default=False)

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Notice:
        """Return the notice. A `transid` that repeats its own transaction names no send."""
        if loaded["transid"] == loaded["tid"]:
            loaded["transid"] = ""
        return Notice(**loaded)


#: Folded keys of which a result of profiles has at least one.
_OF_PROFILES: Final = frozenset({"results", "successcount", "failurecount"})

NOTICES: Final = NoticeSchema()
_load: Final[Callable[[Mapping[str, Any]], Notice]] = compiled(NOTICES, NOTICES.make)


def parse_notice(kind: Kind, said: Mapping[str, Any], zone: tzinfo) -> Notice:
    """Return the notice that a notification of this kind is.

    Raises: PayloadError naming the fields with which it can't be one.
    """
    try:
        notice = _load({"kind": kind.value, **_columns(kind, said, zone)})
    except ValidationError as error:
        faults = error.messages_dict
        raise PayloadError("bad_field", "a field can't be taken", fields=faults) from None
    return notice


def is_profile(flat: Mapping[str, Any]) -> bool:
    """Tell whether a folded notification or answer tells what became of profiles."""
    return bool(text_of(flat.get("transid")).strip()) and not _OF_PROFILES.isdisjoint(flat)


def _columns(kind: Kind, said: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    flat = fold(said)
    channel = _channel(kind, flat)
    is_call = kind is Kind.CALL
    keys = {
        column: next((key for key in candidates if key in flat), "")
        for column, candidates in (_CALL_COLUMNS if is_call else _COLUMNS).items()
    }
    keys["sender"], keys["recipient"] = sender_key(channel, flat), recipient_key(channel, flat)
    columns = {column: flat[key] for column, key in keys.items() if key}
    for column in ("sender", "recipient"):
        columns[column] = addresses_in(columns.get(column))
    columns["quoted"] = quoted_in(columns.get("quoted"))
    text_key, columns["text"] = _text(channel, flat, _CALL_TEXTS if is_call else _TEXTS)
    columns |= _when(flat, _CALL_TIMES if is_call else _TIMES, zone)
    columns["channel"], columns["attachments"] = channel, attachments_of(channel, flat)
    columns["details"] = _details(said, _OMITTED.union(keys.values(), (text_key,)))
    return columns


def _channel(kind: Kind, flat: Mapping[str, Any]) -> str:
    """Return the channel's name; calls don't say theirs, and an old template of SMS may not."""
    if kind is Kind.CALL:
        return "voice"
    named = channel_of(flat.get("channel"))
    return named or ("sms" if "oa" in flat and "da" in flat else "")


def _text(channel: str, flat: Mapping[str, Any], keys: Iterable[str]) -> tuple[str, str]:
    """Return the key that holds the words, and the words."""
    if channel == "mms" and files_of(flat.get("message")):
        return "message", ""
    for key in keys:
        words = words_in(flat.get(key), opened=key == "postback")
        if words:
            return key, words
    return "", ""


def _when(flat: Mapping[str, Any], keys: Iterable[str], zone: tzinfo) -> dict[str, Any]:
    """Return the first time that can be read, else the first that is given."""
    raws = [text_of(flat[key]) for key in keys if key in flat]
    read: list[tuple[str, tuple[datetime | None, bool]]] = [
        (raw, parse_time(raw, zone)) for raw in raws
    ]
    raw, (moment, assumed) = next(
        (one for one in read if one[1][0]), read[0] if read else ("", (None, False))
    )
    return {"provider_at": moment, "provider_at_raw": raw, "zone_assumed": assumed}


def _details(said: Mapping[str, Any], placed: frozenset[str]) -> dict[str, Any]:
    """Return what is not placed yet, in the platform's spelling, JSON in strings opened."""
    details: dict[str, Any] = {}
    for key, value in said.items():
        if fold_key(key) not in placed:
            opened = _opened(value)
            if opened not in (None, "", [], {}):
                details[key] = opened
    return details


def _opened(value: object) -> Any:
    if not isinstance(value, str):
        return value
    found = embedded(value) if len(value) <= _EMBEDDED_CHARACTERS else None
    return value[:_DETAIL_CHARACTERS] if found is None else found
