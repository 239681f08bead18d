"""What went through the gateway, as facts: one send per entry of the answer, and what it tells."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Answer, Fact, Notice, Send, Source, State, id_from, stamp
from receiver.platform import lines
from receiver.platform.apis import Api
from receiver.platform.forwarded import results_of, sends_of
from receiver.platform.spans import BYTE_ORDER_MARK, Document, Object
from receiver.platform.storable import text_of
from receiver.web.gateway.said import JSON, Said
from receiver.web.gateway.upstream import Upstream

MOST_TAG: Final = 100
RESPONSE: Final = "response"


class Question(Struct, frozen=True, kw_only=True):
    """What a caller asks: of which API, about what, with what."""

    api: Api
    id: UUID
    """Ours, of the send that it asks for; of the first where there are several."""
    is_named: bool
    """Whether its caller gave it a name, so that the id is known wherever it comes again."""
    about: str
    """The application that profiles are of."""
    document: Document
    tag: str
    upstream: Upstream
    asked_at: datetime


class Reply(Struct, frozen=True, kw_only=True):
    """What came of a question: the platform's answer, or none."""

    said: Said
    """What the caller is answered."""
    is_understood: bool
    """Whether that is the platform's own."""
    answer: lines.Answer | None = None
    """What came over the line, be it the platform's or not."""
    plain: bytes = b""
    """Its body, unzipped."""
    value: Any = None
    """That as JSON, where it is the platform's."""
    at: datetime


def facts_of(question: Question, reply: Reply) -> Sequence[Fact]:
    """Return what is to be written down of a question and its reply."""
    sends = [_told(send, question, reply) for send in _sends(question, reply)]
    raw = _raw(question, reply)
    name = {"part_of": hashlib.sha256(raw).hexdigest()}
    further = json.dumps(name).encode()  # what several came in is kept once, with the first
    facts = [
        _fact(_with_id(send, question, part), question.upstream, further if part else raw, part)
        for part, send in enumerate(sends)
    ]
    return [*facts, *results(question.api, question.about, question.upstream, reply)]


def results(api: Api, about: str, upstream: Upstream, reply: Reply) -> Sequence[Fact]:
    """Return what the platform's answer tells of profiles, as a fact of its own."""
    if api not in (Api.PROFILE, Api.PROFILE_STATUS) or reply.answer is None:
        return []
    notice = results_of(reply.value, application=about)
    return [_fact(notice, upstream, reply.plain, 0)] if notice else []


def _sends(question: Question, reply: Reply) -> Sequence[Send]:
    http = reply.answer.http if reply.answer and reply.is_understood else None
    return sends_of(
        question.api,
        question.document.value,
        reply.value,
        http=http,
        application=question.about,
    )


def _told(send: Send, question: Question, reply: Reply) -> Send:
    """Return a send with what is known of it beside request and answer."""
    upstream = question.upstream
    elsewhere = upstream.keeps_notify_url and send.notify_url not in ("", upstream.hook_url)
    return replace(
        send,
        text=send.text if upstream.keeps_text else "",
        tag=question.tag or text_of(send.metadata.get("template"))[:MOST_TAG],
        requested_at=question.asked_at,
        answer=_answer(send, reply),
        state=send.state if reply.is_understood else State.UNCONFIRMED,
        reports_elsewhere=elsewhere,
    )


def _answer(send: Send, reply: Reply) -> Answer | None:
    if reply.answer is None:
        return None
    said = send.answer or Answer(http=reply.answer.http)
    return replace(said, at=said.at or reply.at)


def _with_id(send: Send, question: Question, part: int) -> Send:
    """Return a send with an id of ours where its transid gives it none, or its caller named it."""
    if send.transid and not question.is_named:
        return send
    id_ = question.id if not part else id_from(str(question.id), str(part))
    return replace(send, registration=id_)


def _fact(body: Send | Notice, upstream: Upstream, raw: bytes, part: int) -> Fact:
    return stamp(
        body,
        domain=upstream.point.domain,
        point_id=upstream.point.id,
        source=Source.GATEWAY,
        raw=raw,
        index=part,
    )


def _raw(question: Question, reply: Reply) -> bytes:
    """Return request and answer as one JSON text, in which both stand as they came."""
    kept = question.upstream.keeps_text
    members = {
        "id": _text(str(question.id)),
        "request": question.document.text.lstrip(BYTE_ORDER_MARK).encode() if kept else b"null",
    }
    if not reply.is_understood:
        ours = {"http": reply.said.http, "body": reply.said.body.decode()}
        members["answered"] = _text(ours)
    if reply.answer is not None:
        members["http"] = _text(reply.answer.http)
        members["content_type"] = _text(reply.answer.header("Content-Type"))
        members |= _response(reply.plain)
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), text) for name, text in members.items())


def _response(plain: bytes) -> Mapping[str, bytes]:
    """Return an answer as it came where it is JSON, else as a text."""
    try:
        if not Document.of(plain).text.startswith(BYTE_ORDER_MARK):
            return {RESPONSE: plain}
    except PayloadError:
        pass
    return {"response_text": _text(plain.decode("utf-8", "replace"))}


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def said_before(raw: bytes) -> Said | None:
    """Return what was answered to an exchange that is recorded so; None where that is erased."""
    if not raw:
        return None
    document = Document.of(raw)
    (kept,) = document.objects
    told = kept.value
    if ours := told.get("answered"):
        return Said(http=ours["http"], headers=[JSON], body=ours["body"].encode())
    headers = [("Content-Type", told["content_type"])] if told["content_type"] else []
    return Said(http=told["http"], headers=headers, body=_responded(document, kept))


def _responded(document: Document, kept: Object) -> bytes:
    """Return the answer with the blanks around it: it stands last."""
    for member in kept.named(RESPONSE):
        start = len(document.text[: member.start].rstrip())
        return document.text[start:-1].encode()
    text: str = kept.value["response_text"]
    return text.encode()
