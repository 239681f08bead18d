"""How requests travel: with timeouts, again after a failure, never elsewhere.

Every request of this client can be repeated without harm: it reads, or records what is recorded
once however often it comes. So each is repeated where there was no answer, or one that says "come
again".
"""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3

from receiver.client.errors import (
    BY_STATUS,
    NOTHING,
    ProblemError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)

T = TypeVar("T")

PREFIX: Final = "/api/v1"
#: What says "come again": Receiver's own, and what balancers say when they did not reach it.
_COME_AGAIN: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for Receiver, in seconds, and how often to ask."""

    connect_seconds: float = 5
    read_seconds: float = 30
    attempts: int = 4
    pause_seconds: float = 0.5
    """Before the second attempt; twice as long before each further one."""
    most_seconds: float = 60
    """The longest pause; where Receiver asks for a longer one, the error is raised at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `query` and `body` can hold numbers, so they stay out of its repr."""

    path: str
    method: str = "GET"
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0
    """How long Receiver may hold the answer back."""

    @property
    def target(self) -> str:
        """The path with its query."""
        given = parameters(self.query)
        return f"{self.path}?{urlencode(given)}" if given else self.path


class _Problem(msgspec.Struct):
    """What an error says of itself."""

    detail: str = ""
    title: str = ""
    errors: Mapping[str, Sequence[str]] = msgspec.field(default_factory=lambda: NOTHING)


class _WithoutQueries(logging.Filter):
    """Keeps what is asked for out of urllib3's debug log: a query can hold numbers."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_query, record.args))
        return True


_QUIET: Final = _WithoutQueries()


class Transport:
    """Sends requests to one Receiver, with one key. Threads may share it."""

    def __init__(
        self,
        base_url: str,
        key: str,
        patience: Patience,
        *,
        sleep: Callable[[float], None],
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("base_url must be like https://receiver.example")
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError("the key must be the one line that `receiver keys add` showed")
        logging.getLogger("urllib3.connectionpool").addFilter(_QUIET)
        self.base_url = base_url.rstrip("/")
        self.sleep = sleep
        self._patience = patience
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(maxsize=10, retries=False)

    def ask(self, call: Call, expected: type[T]) -> T:
        """Return the answer to a call. Raises: ClientError."""
        answer = self._patiently(call)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise _problem(answer)
        return read(answer.data, expected)

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def _patiently(self, call: Call) -> urllib3.BaseHTTPResponse:
        """Return the first answer that is no plea to come again, or the last of all."""
        for attempt in range(1, self._patience.attempts):
            try:
                answer = self._once(call)
            except UnreachableError:
                self.sleep(self._pause(attempt))
                continue
            asked_seconds = _retry_after(answer) or 0
            if answer.status not in _COME_AGAIN or asked_seconds > self._patience.most_seconds:
                return answer
            self.sleep(max(asked_seconds + self._pause(1), self._pause(attempt)))
        return self._once(call)

    def _once(self, call: Call) -> urllib3.BaseHTTPResponse:
        patience = self._patience
        body = None if call.body is None else msgspec.json.encode(call.body)
        headers = {**self._headers, **call.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._pool.request(
                call.method,
                self.base_url + call.target,
                body=body,
                headers=headers,
                redirect=False,  # the key is for nobody else
                timeout=urllib3.Timeout(
                    connect=patience.connect_seconds,
                    read=patience.read_seconds + call.wait_seconds,
                ),
            )
        except urllib3.exceptions.HTTPError as error:
            # its own words can hold the URL, and so a number
            raise UnreachableError(f"no answer: {type(error).__name__}") from None

    def _pause(self, attempt: int) -> float:
        """Return how long to wait: those who failed together shall not come again together."""
        whole = min(
            self._patience.pause_seconds * 2.0 ** (attempt - 1), self._patience.most_seconds
        )
        return whole * random.uniform(0.5, 1)  # noqa: S311  no secret


def parameters(given: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return the parameters of a query: a filter of several values is given several times."""
    return [
        (name, _text(one))
        for name, value in given.items()
        if value is not None
        for one in ([value] if isinstance(value, str) or not isinstance(value, Sequence) else value)
    ]


def read(raw: bytes, expected: type[T]) -> T:
    """Return JSON as what it is expected to be; what it has beyond that is left out.

    Raises: UnreadableError.
    """
    try:
        return msgspec.json.decode(raw, type=expected)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(f"the answer is not what was expected: {error}") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() else None


def _problem(answer: urllib3.BaseHTTPResponse) -> ProblemError | UnreadableError:
    status = answer.status
    if status < HTTPStatus.BAD_REQUEST:
        return UnreadableError(f"{status}: neither an answer nor an error of Receiver's")
    ours = UnavailableError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ProblemError
    try:
        told = msgspec.json.decode(answer.data, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a balancer's page
        told = _Problem()
    return BY_STATUS.get(status, ours)(
        told.detail or told.title or "no reason was given",
        status=status,
        errors=told.errors,
        retry_after_seconds=_retry_after(answer),
    )


def _without_query(part: object) -> object:
    is_ours = isinstance(part, str) and part.startswith(PREFIX)
    return str(part).partition("?")[0] if is_ours else part
