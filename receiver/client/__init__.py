"""A client of Receiver's API: synchronous, typed, and on its own (it knows only the contract)."""

from receiver.client.errors import (
    BadRequestError,
    ClientError,
    ConflictError,
    ExpiredCursorError,
    ForbiddenError,
    NotFoundError,
    ProblemError,
    TooLargeError,
    UnauthorisedError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from receiver.client.receiver import Receiver
from receiver.client.transport import Patience

__all__ = [
    "BadRequestError",
    "ClientError",
    "ConflictError",
    "ExpiredCursorError",
    "ForbiddenError",
    "NotFoundError",
    "Patience",
    "ProblemError",
    "Receiver",
    "TooLargeError",
    "UnauthorisedError",
    "UnavailableError",
    "UnreachableError",
    "UnreadableError",
]
