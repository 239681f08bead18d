"""What can go wrong between an application and Receiver.

ClientError
├── UnreachableError         no answer, though asked several times
├── UnreadableError          an answer that this client can't read
└── ProblemError             Receiver says no, and why
    ├── BadRequestError      400: `errors` names the fields or parameters
    ├── UnauthorisedError    401: no good key
    ├── ForbiddenError       403: the key lacks a scope, or the point
    ├── NotFoundError        404: certainly absent
    ├── ConflictError        409: contradicts what is recorded
    ├── ExpiredCursorError   410: the change feed no longer reaches back to this cursor
    ├── TooLargeError        413: more than one request can take
    └── UnavailableError     5xx: Receiver's trouble, which outlasted all attempts

No message holds a number, a text or a key.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

NOTHING: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


class ClientError(Exception):
    """Whatever this client raises on purpose."""


class UnreachableError(ClientError):
    """There was no answer; what was asked may have been done nevertheless."""


class UnreadableError(ClientError):
    """The answer is none of Receiver's, or one of another version's."""


class ProblemError(ClientError):
    """An RFC 9457 problem; `errors` maps the path of a field or parameter to its faults."""

    #: What the caller can do about it.
    advice: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        errors: Mapping[str, Sequence[str]] = NOTHING,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{status}: {detail}{self.advice}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds


class BadRequestError(ProblemError):
    """The request can't be taken as it is."""


class UnauthorisedError(ProblemError):
    """The key is unknown, expired or revoked."""


class ForbiddenError(ProblemError):
    """The key may not do this."""


class NotFoundError(ProblemError):
    """What was asked for is certainly absent."""


class ConflictError(ProblemError):
    """The request contradicts what is recorded."""


class ExpiredCursorError(ProblemError):
    """What happened since this cursor can't be told any more.

    To be whole again, read everything anew with `changes(after="start")`: each delivery, message
    and event comes in its present state, and what the application has and the feed no longer tells
    of is gone.
    """

    advice = ' (forget this cursor, and read anew with changes(after="start"))'


class TooLargeError(ProblemError):
    """The body is larger than one request may be."""


class UnavailableError(ProblemError):
    """Receiver could not answer, or not well; nothing is wrong with the request."""


#: What each status is raised as; other 4xx are a plain ProblemError, other 5xx an UnavailableError.
BY_STATUS: Final[Mapping[int, type[ProblemError]]] = {
    400: BadRequestError,
    401: UnauthorisedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredCursorError,
    413: TooLargeError,
}
