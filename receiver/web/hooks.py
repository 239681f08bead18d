"""The hooks: what the platform calls. The token in the path is the key.

The answer is chosen for what the platform does next: 200 ends a notification's life, and so do
400 and 404; after 413 and 503 it comes again.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter, Rule

from receiver.domain.errors import PayloadError, TooLargeError
from receiver.domain.facts import Fact
from receiver.platform.recognise import Recognised, recognise
from receiver.store.apply import Applied, Result
from receiver.store.points import Point
from receiver.web.arrivals import Arrival
from receiver.web.auth import public
from receiver.web.body import decoded
from receiver.web.rooms import rooms

PATHS: Final = ("/hooks/<token>", "/hooks/<token>/<rest:rest>")
_CARRYING: Final = ("POST", "PUT", "PATCH")
_DISABLED: Final = PayloadError("disabled", "the integration point is disabled")

hooks = Blueprint("hooks", __name__)


class Rest(BaseConverter):
    """Any sub-path at all; werkzeug's own stops at a newline."""

    regex = r"[\s\S]*"
    part_isolating = False


@public
def hook(token: str, rest: str = "") -> ResponseReturnValue:
    """Take a notification, or say that the hook is there: the platform asks by HEAD."""
    point = rooms().admission.admit(token)
    if request.method not in _CARRYING:
        return "", HTTPStatus.OK
    return receive(Arrival.of(request, point, rest))


@hooks.record
def _route(state: BlueprintSetupState) -> None:
    """Add rules for any method at all, so that none is answered 405."""
    state.app.url_map.converters["rest"] = Rest
    for path in PATHS:
        state.app.url_map.add(Rule(path, endpoint="hooks.hook"))
    state.app.view_functions["hooks.hook"] = hook


def receive(arrival: Arrival) -> ResponseReturnValue:
    """Make what came durable: as facts, or in quarantine where it isn't understood."""
    cap_bytes = _cap_bytes(arrival.point)
    try:
        with rooms().intake.body(request, cap_bytes=cap_bytes) as raw:
            return _take(arrival, raw, cap_bytes)
    except TooLargeError as error:
        fault = PayloadError("too_large", str(error))
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        fact = arrival.quarantined(fault, error.head, answered=status, truncated=True)
        return _quarantine(fact, fault), status, {"Connection": "close"}


def _take(arrival: Arrival, raw: bytes, cap_bytes: int) -> ResponseReturnValue:
    if arrival.point.opts.get("disabled"):
        fact = arrival.quarantined(_DISABLED, raw, answered=HTTPStatus.OK)
        return _quarantine(fact, _DISABLED), HTTPStatus.OK
    try:
        recognised = _recognised(arrival, raw, cap_bytes)
    except PayloadError as error:
        return _refuse(arrival, raw, error)
    if not recognised.is_array:
        alone = recognised.elements[0].body
        if isinstance(alone, PayloadError):
            return _refuse(arrival, raw, alone)
    return _accept(arrival, raw, recognised)


def _recognised(arrival: Arrival, raw: bytes, cap_bytes: int) -> Recognised:
    encoding = request.headers.get("Content-Encoding", "")
    charset = request.mimetype_params.get("charset", "")
    plain = decoded(raw, encoding, cap_bytes=cap_bytes)
    return recognise(plain, charset=charset, zone=arrival.zone)


def _accept(arrival: Arrival, raw: bytes, recognised: Recognised) -> ResponseReturnValue:
    """Put all notifications of a body at once: they become durable together."""
    facts = [
        arrival.fact_of(element, element.raw if recognised.is_array else raw)
        for element in recognised.elements
    ]
    arrival.note_hint(facts)
    applied = rooms().inbox.put(facts)
    if not recognised.is_array:
        return _result(facts[0], applied[0]), HTTPStatus.OK
    return {"results": _results(recognised, facts, applied)}, HTTPStatus.OK


def _results(
    recognised: Recognised, facts: Sequence[Fact], applied: Sequence[Applied]
) -> Sequence[dict[str, Any]]:
    return [
        _quarantined(taken, element.body)
        if isinstance(element.body, PayloadError)
        else _result(fact, taken)
        for element, fact, taken in zip(recognised.elements, facts, applied, strict=True)
    ]


def _result(fact: Fact, taken: Applied) -> dict[str, Any]:
    if taken.result is Result.QUARANTINED:
        return {"result": taken.result, "id": str(taken.id)}
    return {"result": taken.result, "kind": fact.body.kind, "id": str(taken.id)}


def _refuse(arrival: Arrival, raw: bytes, error: PayloadError) -> ResponseReturnValue:
    fact = arrival.quarantined(error, raw, answered=HTTPStatus.BAD_REQUEST)
    return _quarantine(fact, error), HTTPStatus.BAD_REQUEST


def _quarantine(fact: Fact, error: PayloadError) -> dict[str, Any]:
    """Make it durable first: only then may an answer end its life."""
    return _quarantined(rooms().inbox.put([fact])[0], error)


def _quarantined(taken: Applied, error: PayloadError) -> dict[str, Any]:
    errors = error.fields or {"body": [str(error)]}
    return {"result": Result.QUARANTINED, "id": str(taken.id), "errors": errors}


def _cap_bytes(point: Point) -> int:
    cap = point.opts.get("max_body")
    return cap if isinstance(cap, int) and cap > 0 else rooms().settings.max_body_bytes
