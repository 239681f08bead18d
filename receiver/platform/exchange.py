"""Sends out of an exchange with the platform: its request and its answer, put together.

Source: CONTRACT.md 2.7 (which id belongs to what), 5 (messaging APIs), 9.14, 9.24.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from msgspec.structs import replace

from receiver.domain.errors import BadInputError
from receiver.domain.facts import Answer, Send, State
from receiver.domain.sends import REGISTERED_PREFIX
from receiver.platform.keys import fold
from receiver.platform.requests import parse_requests
from receiver.platform.storable import LONG, key_text, text_of
from receiver.platform.times import parse_time

#: 1000 and 1002 say "queued" in answers of sibling APIs.
ACCEPTED_CODES: Final = frozenset({"1001", "1000", "1002"})
_IDS: Final = ("transid", "messageid", "transactionid")
_TIMES: Final = ("acceptedtime", "requesttimestamp")
_REFUSALS: Final = range(400, 500)
_ERRORS: Final = range(400, 600)

_OBJECT: Final = "must be an object"

Entry = Mapping[str, Any]


def parse_exchange(request: Any, response: Any, *, http: int | None = None) -> Sequence[Send]:
    """Return the sends that a request and its answer (both parsed JSON) stand for.

    `response` is None where no answer came, or none with a body; `http` is the answer's status.
    Raises: BadInputError naming what can't be understood.
    """
    asked = parse_requests(request)
    entries = _entries(response)
    if not entries:
        return [answered(send, {}, http) for send in asked]
    return [answered(send, entry, http) for send, entry in _paired(asked, entries)]


def _entries(response: Any) -> Sequence[Entry]:
    """Return what was answered, folded: one entry for each object, none without an answer."""
    if response is None or response == "":
        return ()
    if isinstance(response, Mapping):
        response = fold(response).get("response", response)
    objects = response if isinstance(response, list) else [response]
    for index, entry in enumerate(objects):
        if not isinstance(entry, Mapping):
            path = f"response.{index}" if isinstance(response, list) else "response"
            raise BadInputError("the response is none of the platform's", fields={path: [_OBJECT]})
    return [fold(entry) for entry in objects]


def _paired(asked: Sequence[Send], entries: Sequence[Entry]) -> Sequence[tuple[Send, Entry]]:
    """Return each answer beside the part of the request that it answers."""
    if len(entries) == len(asked):
        return list(zip(asked, entries, strict=True))
    singles = [narrowed(send, place) for send in asked for place in range(len(send.destinations))]
    if len(entries) == len(singles):
        return list(zip(singles, entries, strict=True))
    if len(asked) == 1:
        return [(asked[0], entry) for entry in entries]
    if len(entries) == 1:
        return [(send, entries[0]) for send in asked]
    fault = f"has {len(entries)} entries for {len(asked)} requests"
    raise BadInputError("the response fits no request", fields={"response": [fault]})


def narrowed(send: Send, place: int) -> Send:
    """Return a send to one of its destinations alone."""
    return replace(send, destinations=(send.destinations[place],))


def answered(send: Send, entry: Entry, http: int | None) -> Send:
    """Return a send with what an entry of an answer, its keys folded, says of it.

    Raises: BadInputError for a transid that is of our own making.
    """
    transid = next((key_text(entry[key]).strip() for key in _IDS if key in entry), "")
    if transid.startswith(REGISTERED_PREFIX):
        fault = {"response": ["has a transid that the platform never makes"]}
        raise BadInputError("the response is none of the platform's", fields=fault)
    answer = _answer(entry, http)
    return replace(
        send,
        transid=transid,
        state=_state(transid, answer),
        correlationid=_correlationid(send, entry),
        answer=answer if entry or http is not None else None,
    )


def _answer(entry: Entry, http: int | None) -> Answer:
    at_text = next((text_of(entry[key]) for key in _TIMES if key in entry), "")
    at, _ = parse_time(at_text, UTC)
    description = entry.get("description", entry.get("message", entry.get("status")))
    code = text_of(entry.get("code"))
    return Answer(http=http, code=code, description=text_of(description, LONG), at=at)


def _state(transid: str, answer: Answer) -> State:
    """Say how far a send came: by its code, else by the HTTP status and an id.

    "Accepted" without an id can't be followed, so it stays unconfirmed.
    """
    if answer.code and answer.code not in ACCEPTED_CODES:
        return State.REFUSED
    if answer.http in _ERRORS and not answer.code:
        return State.REFUSED if answer.http in _REFUSALS else State.UNCONFIRMED
    return State.ACCEPTED if transid else State.UNCONFIRMED


def _correlationid(send: Send, entry: Entry) -> str:
    """Return the request's own, else what the answer repeats, else the sole destination's."""
    if send.correlationid or "correlationid" in entry:
        return send.correlationid or key_text(entry["correlationid"])
    return send.destinations[0].correlationid if len(send.destinations) == 1 else ""
