"""Recording sends: one, many, or as exchanged with the platform; and completing registered ones."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from receiver.domain.errors import BadInputError, ConflictError, NotFoundError, StoreAwayError
from receiver.domain.facts import Fact, Send
from receiver.domain.identity import transid_of
from receiver.domain.sends import stored_transid
from receiver.store import recordings, sends
from receiver.store.apply import Applied, Result
from receiver.store.reading import reading
from receiver.store.sends import shown_transid
from receiver.web.auth import current_key, requires
from receiver.web.differences import KnownSends, differing
from receiver.web.drafts import Drafter
from receiver.web.freshness import finish
from receiver.web.json_input import bad, read_json
from receiver.web.rooms import rooms
from receiver.web.send_schemas import MOST_SENDS

_IDEMPOTENCY_KEY_CHARACTERS: Final = 200
_REFUSED: Final = {"body": ["the database refused it"]}

recording = Blueprint("recording", __name__, url_prefix="/api/v1")
recording.after_request(finish)

log = structlog.get_logger()


@recording.post("/sends")
@requires("send")
def create() -> ResponseReturnValue:
    """Record sends. An object is answered 201 or 200, an array 200 with a result for each item."""
    given = read_json(rooms().intake, request)
    drafter = Drafter(current_key(), _idempotency_key())
    if isinstance(given, list):
        return {"results": _many(drafter, given)}, HTTPStatus.OK
    results = _record(drafter.facts_of(given))
    if len(results) > 1:
        return {"results": results}, HTTPStatus.OK
    return _one(results[0])


@recording.patch("/sends/<path:key>")
@requires("send")
def update(key: str) -> ResponseReturnValue:
    """Complete a registered send with the platform's transid; the same again changes nothing."""
    registration, known = _registered(key)
    fact = Drafter(current_key()).completion(registration, read_json(rooms().intake, request))
    assert isinstance(fact.body, Send)
    if known and known != transid_of(fact.body.transid):
        raise ConflictError("the send has another transid")
    return _one({**_record([fact])[0], "status": HTTPStatus.OK})


def _one(result: dict[str, Any]) -> ResponseReturnValue:
    status = result["status"]
    if status == HTTPStatus.BAD_REQUEST:
        raise BadInputError("the send can't be recorded", fields=result["errors"])
    headers = {"Location": f"/api/v1/sends/{result['id']}"} if status == HTTPStatus.CREATED else {}
    return result, status, headers


def _many(drafter: Drafter, items: Sequence[Any]) -> Sequence[dict[str, Any]]:
    """Record what is good of many; one bad item stops no other."""
    if not 0 < len(items) <= MOST_SENDS:
        raise bad("body", f"must hold 1 to {MOST_SENDS} sends")
    drafts = [_draft(drafter, item, index) for index, item in enumerate(items)]
    facts = [fact for draft in drafts if not isinstance(draft, BadInputError) for fact in draft]
    if len(facts) > MOST_SENDS:
        raise bad("body", f"stands for more than {MOST_SENDS} sends")
    recorded = iter(_record(facts) if facts else [])
    return [
        _fault(draft)
        if isinstance(draft, BadInputError)
        else _combined([next(recorded) for _ in draft])
        for draft in drafts
    ]


def _draft(drafter: Drafter, item: Any, index: int) -> Sequence[Fact] | BadInputError:
    try:
        return drafter.facts_of(item, index)
    except BadInputError as error:
        return error


def _record(facts: Sequence[Fact]) -> Sequence[dict[str, Any]]:
    """Make facts durable, all at once, and say what each came to."""
    applied = rooms().inbox.put(facts).results
    rooms().polls.forget(current_key().domain)  # who records a send may look at it at once
    known = _known(f for f, a in zip(facts, applied, strict=True) if a.result is Result.DUPLICATE)
    return [_result(fact, taken, known) for fact, taken in zip(facts, applied, strict=True)]


def _known(facts: Iterable[Fact]) -> KnownSends:
    """Return what is recorded of sends that were known before."""
    bodies = [fact.body for fact in facts if isinstance(fact.body, Send)]
    if not bodies:
        return KnownSends([])
    domain = current_key().domain
    ids = {send.registration for send in bodies if send.registration}
    try:
        with reading(rooms().engine) as session:
            registered = recordings.of_registrations(session, domain=domain, registrations=ids)
            completed = [fact.body for fact in registered if isinstance(fact.body, Send)]
            transids = {stored_transid(send) for send in (*bodies, *completed)}
            return KnownSends(recordings.of_transids(session, domain=domain, transids=transids))
    except StoreAwayError:
        log.warning("differences_unknown", sends=len(bodies))  # they are recorded all the same
        return KnownSends([])


def _result(fact: Fact, taken: Applied, known: KnownSends) -> dict[str, Any]:
    send = fact.body
    if taken.result is Result.QUARANTINED or not isinstance(send, Send):
        return _fault(BadInputError("", fields=_REFUSED))
    return {
        "status": HTTPStatus.CREATED if taken.result is Result.ACCEPTED else HTTPStatus.OK,
        "id": str(taken.id),
        "transid": shown_transid(known.transid_of(send)),
        "errors": {},
        "differs": differing(send, _visible(known.others(fact, send))),
    }


def _visible(facts: Iterable[Fact]) -> Sequence[Fact]:
    """Return the recordings that the key may see: what differs from others tells of them."""
    points = current_key().point_ids
    return [fact for fact in facts if not points or fact.point_id in points]


def _fault(error: BadInputError) -> dict[str, Any]:
    return {
        "status": HTTPStatus.BAD_REQUEST,
        "id": None,
        "transid": None,
        "errors": error.fields,
        "differs": [],
    }


def _combined(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one item's result; an exchange of several sends has them all in `results`."""
    if len(results) == 1:
        return results[0]
    return {**results[0], "status": max(each["status"] for each in results), "results": results}


def _registered(key: str) -> tuple[UUID, str | None]:
    """Return our id of a send, and its transid if it has one already."""
    api_key = current_key()
    with reading(rooms().engine) as session:
        row = sends.find_by_id(session, key, domain=api_key.domain, point_ids=api_key.point_ids)
    if row is None:
        raise NotFoundError("no such send")
    return row.registration or row.id, shown_transid(row.transid)


def _idempotency_key() -> str:
    given = request.headers.get("Idempotency-Key", "")
    if len(given) > _IDEMPOTENCY_KEY_CHARACTERS:
        fault = f"must have at most {_IDEMPOTENCY_KEY_CHARACTERS} characters"
        raise bad("Idempotency-Key", fault)
    return given
