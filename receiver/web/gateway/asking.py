"""Asking the platform: what goes on to it, and what its answer or its silence comes to."""

from datetime import UTC, datetime
from http import HTTPStatus
from time import perf_counter
from typing import Final
from urllib.parse import quote
from uuid import UUID

from flask import request

from receiver import metrics
from receiver.domain.errors import PayloadError
from receiver.domain.facts import new_id
from receiver.platform.apis import PATHS, Api, Code, failure, internal
from receiver.platform.forwarded import MOST
from receiver.platform.lines import Answer, Call, CallError, ask
from receiver.platform.spans import Document, with_member
from receiver.platform.storable import text_of
from receiver.settings import MEBIBYTE
from receiver.store.keys import ApiKey
from receiver.web.access import note_refusal
from receiver.web.body import decoded
from receiver.web.gateway.exchanges import MOST_TAG, Question, Reply
from receiver.web.gateway.headers import passed_on
from receiver.web.gateway.names import id_of_named
from receiver.web.gateway.refusals import RefusedError
from receiver.web.gateway.said import JSON, Said, passed, read
from receiver.web.gateway.upstream import Upstream, Upstreams

BODY_BYTES: Final = 4 * MEBIBYTE
ANSWER_BYTES: Final = 4 * MEBIBYTE
NOTIFY_URL: Final = "notifyurl"
TAG: Final = "X-Tag"
#: Where a request can say whom to notify; of profiles nobody is.
_NOTIFYING: Final = frozenset({Api.MESSAGING, Api.EVENT})
_UNREADABLE: Final = "the platform's answer is none of its own"


def question_of(api: Api, about: str, raw: bytes, key: ApiKey, upstreams: Upstreams) -> Question:
    """Return what this request asks for, with where it goes.

    Raises: RefusedError where the platform would refuse it as well, or it goes nowhere;
    StoreAwayError.
    """
    document = _document(api, raw)
    if api is Api.MESSAGING and isinstance(document.value, list) and len(document.value) > MOST:
        raise RefusedError(Code.TOO_MANY, f"{MOST} requests at most")
    named = id_of_named(key)
    return Question(
        api=api,
        id=named or new_id(),
        is_named=named is not None,
        about=about,
        document=document,
        tag=text_of(request.headers.get(TAG, "").strip())[:MOST_TAG],
        upstream=upstreams.find(key, api),
        asked_at=datetime.now(UTC),
    )


def _document(api: Api, raw: bytes) -> Document:
    try:
        plain = decoded(raw, request.headers.get("Content-Encoding", ""), cap_bytes=BODY_BYTES)
        if api is Api.EVENT and plain.lstrip().startswith(b"<"):
            raise RefusedError(Code.INVALID_XML, "events are taken as JSON")
        return Document.of(plain)
    except PayloadError as error:
        raise RefusedError(Code.INVALID_JSON, str(error)) from None


def forward(question: Question) -> Reply:
    """Ask what is asked, with the hook of the point as what to notify."""
    return _asked(question.api, question.about, question.upstream, question.id, _body(question))


def look_up(api: Api, about: str, upstream: Upstream) -> Reply:
    """Ask about something that was sent."""
    return _asked(api, about, upstream, new_id(), None)


def _body(question: Question) -> bytes:
    upstream, document = question.upstream, question.document
    if question.api not in _NOTIFYING or upstream.keeps_notify_url:
        return document.text.encode()
    return with_member(document, NOTIFY_URL, upstream.hook_url)


def _asked(api: Api, about: str, upstream: Upstream, id_: UUID, body: bytes | None) -> Reply:
    query = request.query_string.decode("latin-1")
    call = Call(
        method="GET" if body is None else "POST",
        url=f"{upstream.url}{PATHS[api]}{quote(about, safe='')}{'?' if query else ''}{query}",
        headers=passed_on(api, upstream.key),
        body=body,
    )
    began = perf_counter()
    reply, result = _heard(api, id_, call, upstream)
    metrics.forwarded(api.value, result, perf_counter() - began)
    if not reply.is_understood:
        note_refusal(request.environ, f"platform_{result}")
    return reply


def _heard(api: Api, id_: UUID, call: Call, upstream: Upstream) -> tuple[Reply, str]:
    """Return what came of a call, and one word for it."""
    try:
        answer = ask(
            call,
            total_seconds=upstream.deadline_seconds,
            most_bytes=ANSWER_BYTES,
            private=upstream.may_be_private,
        )
    except CallError as error:
        http = HTTPStatus.GATEWAY_TIMEOUT if error.is_late else HTTPStatus.BAD_GATEWAY
        result = "late" if error.is_late else "unreachable"
        return _failed(api, id_, http, f"the platform gave no answer ({error})"), result
    at = datetime.now(UTC)
    try:
        plain, value = read(answer, most_bytes=ANSWER_BYTES)
    except PayloadError:
        return _failed(api, id_, HTTPStatus.BAD_GATEWAY, _UNREADABLE, answer), "unreadable"
    reply = Reply(
        said=passed(answer), is_understood=True, answer=answer, plain=plain, value=value, at=at
    )
    return reply, "answered"


def _failed(
    api: Api, id_: UUID, http: HTTPStatus, detail: str, answer: Answer | None = None
) -> Reply:
    body = failure(api, internal(api), str(id_), detail)
    said = Said(http=int(http), headers=[JSON], body=body)
    plain = answer.body if answer else b""
    return Reply(said=said, is_understood=False, answer=answer, plain=plain, at=datetime.now(UTC))
