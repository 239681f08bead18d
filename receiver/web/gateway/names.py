"""Requests that their callers name by an Idempotency-Key: each is forwarded once, and no more.

A repeat gets the first answer, also where it comes while that is being waited for. Where no answer
is known, because we ended meanwhile, the platform may have sent it: it is not asked again.
"""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import request
from msgspec.structs import replace
from sqlalchemy import Engine

from receiver.domain.facts import id_from
from receiver.platform.apis import Code, internal
from receiver.store import claims
from receiver.store.claims import Claim
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web.gateway.exchanges import Question, said_before
from receiver.web.gateway.refusals import RefusedError, unable
from receiver.web.gateway.said import Said

HEADER: Final = "Idempotency-Key"
_MOST_CHARACTERS: Final = 200
#: How long an exchange can take until it is recorded: past it, it never will be.
LONGEST: Final = timedelta(seconds=20)
#: So long a repeat waits for the answer of the first.
PATIENCE_SECONDS: Final = 9.0
_LOOK_SECONDS: Final = 0.1


class LostError(RefusedError):
    """A request that was forwarded before, and of which no answer is known."""


def id_of_named(key: ApiKey) -> UUID | None:
    """Return the id of what this request asks for, by the name that its caller gave it.

    None without one. Raises: RefusedError.
    """
    name = request.headers.get(HEADER, "")
    if len(name) > _MOST_CHARACTERS:
        fault = f"{HEADER} must have at most {_MOST_CHARACTERS} characters"
        raise RefusedError(Code.INVALID_VALUE, fault, http=HTTPStatus.BAD_REQUEST)
    return id_from(key.domain, "gateway", str(key.id), name) if name else None


def first_answer(engine: Engine, question: Question, key: ApiKey, raw: bytes) -> Said | None:
    """Return what was answered to a question before; None if it is asked for the first time.

    Raises: StoreAwayError where nobody can say; RefusedError where its name stands for another, or
    the first time is not over yet; LostError.
    """
    if not question.is_named:
        return None
    digest = hashlib.sha256(request.path.encode() + b"\0" + raw).digest()
    with writing(engine) as session:
        held = claims.claim(session, question.id, digest, now=datetime.now(UTC))
    if held is None:
        return None
    if held.request_digest != digest:
        fault = f"this {HEADER} stands for another request"
        raise RefusedError(Code.INVALID_VALUE, fault, http=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _repeated(engine, question, key.domain, held)


def _repeated(engine: Engine, question: Question, domain: str, held: Claim) -> Said:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with reading(engine) as session:
            raw = claims.recorded(session, question.id, domain=domain)
        said = None if raw is None else said_before(raw)
        if said:
            return replace(said, beside={"Idempotent-Replayed": "true"})
        if raw is not None or datetime.now(UTC) > held.claimed_at + LONGEST:
            detail = "it was asked before, and no answer is known"
            raise LostError(internal(question.api), detail, http=HTTPStatus.GATEWAY_TIMEOUT)
        if time.monotonic() > until:
            raise unable(question.api, "it is being asked already")
        time.sleep(_LOOK_SECONDS)
