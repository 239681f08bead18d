"""Requests for events: each event is validated and answered by itself, and then told of.

Source: CONTRACT.md 6 (Event API).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from receiver.platform.times import parse_time
from receiver.sandbox.answers import EVENTS as TEXTS
from receiver.sandbox.answers import Entry, entry, new_transid, transid_at
from receiver.sandbox.book import Entry as Line
from receiver.sandbox.book import Kind, Outcome
from receiver.sandbox.fates import EVENTS, SILENT, code_for
from receiver.sandbox.notifications import event
from receiver.sandbox.posting import Notification
from receiver.sandbox.schemas import EventSchema, EventsSchema, Fault, load
from receiver.sandbox.state import Sandbox

#: After so many seconds an event was executed.
TOLD_SECONDS: Final = 0.3
_REQUEST: Final = EventsSchema()
_EVENT: Final = EventSchema()
_QUEUED: Final = "1002"
#: Codes that refuse one event; all others refuse the whole request.
_OWN: Final = frozenset({"7003", "7004", "7019", "7025"})


def execute(sandbox: Sandbox, said: Any) -> Entry | Sequence[Entry]:
    """Answer a request: one event that is taken with an object, as the seed prints it, else a list.

    Raises: Fault, where the whole is refused.
    """
    request = load(_REQUEST, said)
    if not sandbox.poster.has_room(len(request["events"])):
        raise Fault("7020")
    base = new_transid()
    read = [
        _read(each, transid_at(base, index), request)
        for index, each in enumerate(request["events"])
    ]
    for each, answer in read:
        is_taken = answer["code"] == _QUEUED
        sandbox.note(answer, accepted=is_taken)
        if is_taken and each["evtid"] != SILENT:
            _tell(sandbox, each["evtid"], answer, sandbox.url_of(request))
    answers = [answer for _, answer in read]
    return answers[0] if len(answers) == 1 and answers[0]["code"] == _QUEUED else answers


def _read(said: Any, transid: str, request: Mapping[str, Any]) -> tuple[Mapping[str, Any], Entry]:
    """Return what one event says, and its answer."""
    event_: Mapping[str, Any] = {}
    code, text = _QUEUED, ""
    try:
        event_ = load(_EVENT, said)
        _check(event_, request, transid)
    except Fault as fault:
        if fault.code not in _OWN:
            raise
        code, text = fault.code, fault.description
    given = said.get("correlationid") if isinstance(said, Mapping) else ""
    correlationid = given if isinstance(given, str) else ""
    return event_, entry(code, text or TEXTS[code], transid, correlationid)


def _check(event_: Mapping[str, Any], request: Mapping[str, Any], transid: str) -> None:
    """Refuse an event of the magic table. Raises: Fault."""
    code = code_for(EVENTS, event_["evtid"])
    expires_at, _ = parse_time(request.get("expiry", ""), UTC)
    allowed = {
        "": True,
        _QUEUED: True,
        "7019": expires_at is None or expires_at > datetime.now(UTC),
        "7025": "name" in event_.get("parameters", {}),
    }
    if not allowed.get(code, False):
        raise Fault(code, transid=transid)


def _tell(sandbox: Sandbox, evtid: str, answer: Entry, url: str) -> None:
    if not url:
        return
    transid, correlationid = answer["transid"], answer["correlationid"]
    body = event(evtid=evtid, transid=transid, correlationid=correlationid, at=datetime.now(UTC))
    line = Line(
        kind=Kind.EVENT,
        outcome=Outcome.WAITING,
        transid=transid,
        correlationid=correlationid,
        destination=evtid,
    )
    told = Notification(url=url, body=body, entry=line, due_seconds=TOLD_SECONDS)
    sandbox.poster.hand_over([told])
