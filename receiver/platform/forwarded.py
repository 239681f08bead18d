"""Sends out of what was asked of the platform and what it answered, whatever both of them are.

What was sent is sent: where a request or an answer can't be understood as a whole, what can be is
kept, so nothing here raises.

Source: CONTRACT.md 5 to 7, 9.24 (`response` is an object or an array).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from itertools import zip_longest
from typing import Any, Final

from msgspec.structs import replace

from receiver.domain.errors import BadInputError, PayloadError
from receiver.domain.facts import Kind, Notice, Origin, Send, State
from receiver.domain.sends import REGISTERED_PREFIX
from receiver.platform.apis import Api
from receiver.platform.exchange import answered, narrowed
from receiver.platform.keys import fold
from receiver.platform.notices import is_profile, parse_notice
from receiver.platform.requests import parse_request
from receiver.platform.storable import LONG, bounded, key_text, text_of
from receiver.platform.times import parse_time

#: Requests of a batch, and entries of an answer: as many as the platform takes.
MOST: Final = 1000
_IDS: Final = ("transid", "messageid", "transactionid")
_BLANK: Final = Send(state=State.UNCONFIRMED)
_CUSTOMERS: Final = 100

Entry = Mapping[str, Any]


def sends_of(
    api: Api, request: Any, response: Any, *, http: int | None, application: str = ""
) -> Sequence[Send]:
    """Return the sends that a request and its answer (both parsed JSON) stand for, at least one.

    `response` is None where no answer came that is the platform's, `http` the status of one that
    did. `application` is the one that profiles are of.
    """
    asked = _asked(api, request, application)[:MOST] or [_BLANK]
    entries = [fold(each) for each in _objects(response)[:MOST]]
    return [
        answered(replace(send, origin=Origin.GATEWAY), _sound(entry), http)
        for send, entry in _paired(asked, entries)
    ]


def results_of(response: Any, *, application: str) -> Notice | None:
    """Return what an answer tells of the profiles of a request, None where it tells nothing."""
    if not isinstance(response, Mapping) or not is_profile(fold(response)):
        return None
    said = {**response, "appid": application} if application else response
    try:
        return parse_notice(Kind.PROFILE, said, UTC)
    except PayloadError:
        return None


def _asked(api: Api, request: Any, application: str) -> Sequence[Send]:
    if api is Api.EVENT:
        return _events(request)
    if api is Api.PROFILE:
        return [_profile(request, application)]
    return [_message(one) for one in (request if isinstance(request, list) else [request])]


def _message(request: Any) -> Send:
    try:
        return parse_request(request, "request")
    except BadInputError:
        return _BLANK


def _events(request: Any) -> Sequence[Send]:
    flat = fold(request) if isinstance(request, Mapping) else {}
    expires_at, _ = parse_time(text_of(flat.get("expiry")), UTC)
    blank = replace(
        _BLANK,
        channel=Api.EVENT.value,
        expires_at=expires_at,
        notify_url=text_of(flat.get("notifyurl"), LONG),
    )
    return [
        replace(
            blank,
            correlationid=key_text(event.get("correlationid")),
            metadata={"evtid": text_of(event["evtid"])} if "evtid" in event else {},
        )
        for event in map(fold, _listed(flat.get("events")))
    ] or [blank]


def _profile(request: Any, application: str) -> Send:
    flat = fold(request) if isinstance(request, Mapping) else {}
    records = map(fold, _listed(flat.get("records"))[:_CUSTOMERS])
    customers = [text_of(record.get("customerid")) for record in records]
    metadata = {"appid": text_of(application), "customers": customers}
    return replace(_BLANK, channel=Api.PROFILE.value, metadata=bounded(metadata))


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    """Return the objects that are given, be it one or an array of them."""
    objects = value if isinstance(value, list) else [value]
    return [each for each in objects if isinstance(each, Mapping)]


def _objects(response: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(response, Mapping):
        response = fold(response).get("response", response)
    return _listed(response)


def _sound(entry: Entry) -> Entry:
    """Return an entry without ids that are none: no text or number, or of our own making."""
    return {
        key: value
        for key, value in entry.items()
        if key not in _IDS
        or (
            isinstance(value, str | int)
            and not isinstance(value, bool)
            and not str(value).strip().startswith(REGISTERED_PREFIX)
        )
    }


def _paired(asked: Sequence[Send], entries: Sequence[Entry]) -> Sequence[tuple[Send, Entry]]:
    """Return each entry beside the part of the request that it answers, as far as that is told."""
    if not entries:
        return [(send, {}) for send in asked]
    if len(asked) == len(entries):
        return list(zip(asked, entries, strict=True))
    singles = [narrowed(send, place) for send in asked for place in range(len(send.destinations))]
    if len(singles) == len(entries):
        return list(zip(singles, entries, strict=True))
    if len(asked) == 1:
        return [(asked[0], entry) for entry in entries]
    if len(entries) == 1:
        return [(send, entries[0]) for send in asked]
    padded = zip_longest(asked, entries)
    return [(_BLANK if send is None else send, entry or {}) for send, entry in padded]
