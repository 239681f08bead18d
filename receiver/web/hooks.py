"""The hooks: what the platform calls. The token in the path is the key.

The answer is chosen for what the platform does next: 200 ends a notification's life, and so do
400 and 404; after 413 and 503 it comes again.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter, Rule

from receiver import metrics
from receiver.domain.errors import PayloadError, StoreAwayError, TooLargeError
from receiver.domain.facts import Fact, Kind, Quarantined, Receipt, new_id
from receiver.domain.status import UNKNOWN, status_of
from receiver.inbox.ways import Inbox
from receiver.platform.checks import CHECKED, is_check_body
from receiver.platform.recognise import Recognised
from receiver.store.apply import Applied, Result
from receiver.store.points import Point
from receiver.web.access import note_point, note_taken
from receiver.web.answers import Answer
from receiver.web.arrivals import Arrival
from receiver.web.auth import public
from receiver.web.rooms import Rooms, rooms_of
from receiver.web.understanding import cap_bytes_of, told, told_of_fault, understood, unzipped

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATHS: Final = ("/hooks/<token>", "/hooks/<token>/<rest:rest>")
_CARRYING: Final = ("POST", "PUT", "PATCH")
#: By the quarantine's word for why: what the platform hears, which comes again after each.
_STATUSES: Final[Mapping[str, HTTPStatus]] = {
    "bad_signature": HTTPStatus.UNAUTHORIZED,
    "bad_address": HTTPStatus.FORBIDDEN,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_DISABLED: Final = PayloadError("disabled", "the integration point is disabled")

_ENCODER: Final = msgspec.json.Encoder()

hooks = Blueprint("hooks", __name__)


class Rest(BaseConverter):
    """Any sub-path at all; werkzeug's own stops at a newline."""

    regex = r"[\s\S]*"
    part_isolating = False


@public
def hook(app: Flask, environ: "WSGIEnvironment", token: str, rest: str = "") -> Answer:
    """Take a notification, or say that the hook is there: the platform asks by HEAD.

    One of the application's plain views: it gets what Flask's contexts would give it.
    """
    here = rooms_of(app)
    point = here.admission.admit(token)
    note_point(environ, point)
    if environ["REQUEST_METHOD"] not in _CARRYING:
        return Answer(b"")
    return receive(here, Arrival.of(environ, point, rest))


@hooks.record
def _route(state: BlueprintSetupState) -> None:
    """Add rules for any method at all, so that none is answered 405."""
    state.app.url_map.converters["rest"] = Rest
    for path in PATHS:
        state.app.url_map.add(Rule(path, endpoint="hooks.hook"))
    state.app.view_functions["hooks.hook"] = hook


def receive(here: Rooms, arrival: Arrival) -> Answer:
    """Make what came durable: as facts, or in quarantine where it isn't understood or allowed."""
    cap_bytes = cap_bytes_of(arrival.point, here.settings.max_body_bytes)
    try:
        with here.intake.body(arrival.environ, cap_bytes=cap_bytes) as raw:
            fault = _fault(here, arrival, raw, cap_bytes)
            if is_check_body(raw):
                return _check(here, arrival, fault)
            if fault:
                return _turn_away(here, arrival, raw, fault)
            return _in_turn(here, arrival, raw, cap_bytes)
    except TooLargeError as error:
        fault = _fault(here, arrival) or PayloadError("too_large", str(error))
        if is_check_body(error.head):
            return _check(here, arrival, fault, is_whole=False)
        return _turn_away(here, arrival, error.head, fault, is_whole=False)


def _fault(
    here: Rooms, arrival: Arrival, raw: bytes | None = None, cap_bytes: int = 0
) -> PayloadError | None:
    """Return why the point doesn't take this from there; of a body over its cap all but that."""
    try:
        here.admission.check_address(arrival)
        if raw is not None:
            unzip = partial(unzipped, raw, arrival.wrapping, cap_bytes=cap_bytes)
            here.admission.check_signature(arrival, raw, unzip)
    except PayloadError as fault:
        return fault
    return None


def _check(
    here: Rooms, arrival: Arrival, fault: PayloadError | None, *, is_whole: bool = True
) -> Answer:
    """Answer a test of the way as a notification would be, and keep nothing of it."""
    if fault:
        said = {"result": "refused", "errors": fault.fields}
        return _answer(said, _STATUSES[fault.reason], closes=not is_whole)
    if here.readiness.overall() == "unready":
        raise StoreAwayError("nothing can be made durable")
    if arrival.point.opts.get("disabled"):
        return _answer({"result": CHECKED, "id": new_id(), "errors": {"point": ["is disabled"]}})
    return _answer({"result": CHECKED, "kind": Kind.RECEIPT, "id": new_id()})


def _turn_away(
    here: Rooms, arrival: Arrival, raw: bytes, fault: PayloadError, *, is_whole: bool = True
) -> Answer:
    """Refuse what came, and keep it, what nobody has vouched for as far as there is room."""
    status = _STATUSES[fault.reason]
    holding = here.admission.holding
    is_vouched = fault.reason == "too_large" and arrival.point.opts.get("signature") != "required"
    if not is_vouched and not holding.take(arrival.point.id, len(raw)):
        return _answer({"result": "refused", "errors": fault.fields}, status, closes=not is_whole)
    fact = arrival.quarantined(fault, raw, answered=status, truncated=not is_whole)
    return _answer(_quarantine(here.inbox, arrival, fact, fault), status, closes=not is_whole)


def _in_turn(here: Rooms, arrival: Arrival, raw: bytes, cap_bytes: int) -> Answer:
    point = arrival.point.id.int  # a UUID's hash is Python's own work
    here.turns.take(point)
    try:
        return _take(here.inbox, arrival, raw, cap_bytes)
    finally:
        here.turns.pass_on(point)


def _take(inbox: Inbox, arrival: Arrival, raw: bytes, cap_bytes: int) -> Answer:
    if arrival.point.opts.get("disabled"):
        fact = arrival.quarantined(_DISABLED, raw, answered=HTTPStatus.OK)
        return _answer(_quarantine(inbox, arrival, fact, _DISABLED))
    try:
        recognised = understood(raw, arrival.wrapping, arrival.point, cap_bytes=cap_bytes)
    except PayloadError as error:
        return _refuse(inbox, arrival, raw, error)
    if recognised.is_array:
        return _accept_all(inbox, arrival, recognised)
    body = recognised.elements[0].body
    if isinstance(body, PayloadError):
        return _refuse(inbox, arrival, raw, body)
    fact = arrival.fact_of(recognised.elements[0], raw)
    return _answer(told(fact, _put(inbox, arrival, [fact])[0]))


def _accept_all(inbox: Inbox, arrival: Arrival, recognised: Recognised) -> Answer:
    """Put all notifications of an array at once: they become durable together."""
    facts = [arrival.fact_of(element, element.raw) for element in recognised.elements]
    applied = _put(inbox, arrival, facts)
    results = [
        told_of_fault(taken, element.body)
        if isinstance(element.body, PayloadError)
        else told(fact, taken)
        for element, fact, taken in zip(recognised.elements, facts, applied, strict=True)
    ]
    return _answer({"results": results})


def _put(inbox: Inbox, arrival: Arrival, facts: Sequence[Fact]) -> Sequence[Applied]:
    """Make facts durable, and note what became of them."""
    arrival.note_hint(facts)
    taken = inbox.put(facts)
    for fact, applied in zip(facts, taken.results, strict=True):
        note_taken(arrival.environ, fact.body.kind, applied.result, taken.way)
        _count_odd(arrival.point, fact, applied.result)
    return taken.results


def _count_odd(point: Point, fact: Fact, result: Result) -> None:
    """Count what somebody should look at."""
    body = fact.body
    if result is Result.QUARANTINED:
        reason = body.reason if isinstance(body, Quarantined) else "apply_failed"
        metrics.quarantined(point.domain, point.code, reason)
    elif isinstance(body, Receipt) and status_of(body.channel, body.raw_status) is UNKNOWN:
        metrics.unknown_status(point.domain, point.code)


def _refuse(inbox: Inbox, arrival: Arrival, raw: bytes, error: PayloadError) -> Answer:
    fact = arrival.quarantined(error, raw, answered=HTTPStatus.BAD_REQUEST)
    return _answer(_quarantine(inbox, arrival, fact, error), HTTPStatus.BAD_REQUEST)


def _quarantine(inbox: Inbox, arrival: Arrival, fact: Fact, error: PayloadError) -> dict[str, Any]:
    """Make it durable first: only then may an answer end its life."""
    return told_of_fault(_put(inbox, arrival, [fact])[0], error)


def _answer(
    said: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK, *, closes: bool = False
) -> Answer:
    return Answer(_ENCODER.encode(said) + b"\n", status, closes=closes)
