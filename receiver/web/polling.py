"""Those who ask again and again whether what they were told still holds.

What was found to hold less than a second ago holds: a hundred who ask for the same once a second
cost one look at the store a second. So they may learn of a change a second late. Whoever does not
send `If-None-Match` never does.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from flask import Response
from werkzeug.datastructures import ETags
from werkzeug.http import remove_entity_headers

from receiver.store.keys import ApiKey

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HOLDS_SECONDS: Final = 1.0
#: Answers that are remembered, none with its body; the oldest is forgotten first.
MOST: Final = 1_000


class Question(NamedTuple):
    """What is asked for, and all that the answer depends on besides the store."""

    domain: str
    who: Hashable
    """What the caller may see of the domain."""
    path: str
    query: str
    accept: str

    @classmethod
    def of(cls, environ: "WSGIEnvironment", key: ApiKey) -> Self:
        """Return what a request asks."""
        return cls(
            domain=key.domain,
            who=(tuple(key.point_ids), tuple(key.scopes)),
            path=environ["PATH_INFO"],
            query=environ.get("QUERY_STRING", ""),
            accept=environ.get("HTTP_ACCEPT", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer without its body; `asked_at` is from before the store was asked."""

    asked_at: float
    etag: str
    route: str
    headers: Sequence[tuple[str, str]]


class Polls:
    """Remembers answers for a second, for those who have them already."""

    def __init__(self, *, clock: Callable[[], float] = monotonic, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._told: dict[Question, Told] = {}
        self._looking: dict[Question, threading.Event] = {}
        self._written_at: dict[str, float] = {}

    def find(self, question: Question, held: str) -> Told | None:
        """Return what was told one who holds it by an ETag of ours, as it was sent."""
        told = self._told.get(question)
        if told is None or held != f'"{told.etag}"':
            return None
        return told if self._holds(told, question.domain, self._clock()) else None

    def ask(
        self, question: Question, held: ETags, look: Callable[[], Response], *, route: str = ""
    ) -> Response:
        """Answer one who holds answers with the ETags `held`: 304, or what `look` returns.

        `look` asks the store. Of those who come while another does, each first waits for him.
        """
        came_at = self._clock()
        told = self._holding(question, held, came_at)
        if told is None and (other := self._looking.get(question)):
            other.wait(HOLDS_SECONDS)
            told = self._holding(question, held, came_at)
        if told:
            return Response(status=HTTPStatus.NOT_MODIFIED, headers=[*told.headers])
        return self._look(question, look, route)

    def forget(self, domain: str) -> None:
        """Let nothing hold that was told of a domain before now: something was written there."""
        self._written_at[domain] = self._clock()

    def _holding(self, question: Question, held: ETags, came_at: float) -> Told | None:
        told = self._told.get(question)
        if told is None or not held.contains_weak(told.etag):
            return None
        return told if self._holds(told, question.domain, came_at) else None

    def _holds(self, told: Told, domain: str, came_at: float) -> bool:
        since = max(came_at - HOLDS_SECONDS, self._written_at.get(domain, 0.0))
        return told.asked_at > since

    def _look(self, question: Question, look: Callable[[], Response], route: str) -> Response:
        asked_at, looked = self._clock(), threading.Event()
        self._looking[question] = looked
        try:
            response = look()
            etag, _ = response.get_etag()
            if etag is not None:
                headers = response.headers.to_wsgi_list()
                remove_entity_headers(headers)
                told = Told(asked_at=asked_at, etag=etag, route=route, headers=headers)
                self._remember(question, told)
        finally:
            self._looking.pop(question, None)
            looked.set()
        return response

    def _remember(self, question: Question, told: Told) -> None:
        self._told.pop(question, None)
        self._told[question] = told
        if len(self._told) > self._most:
            del self._told[next(iter(self._told))]
