"""The errors our rooms raise. `str(error)` is safe to show to a caller.

ReceiverError
├── BadInputError        our own API was called wrongly; names the fields
├── TooLargeError        a body over its cap
├── SlowBodyError        a body that did not arrive in time
├── PayloadError         a notification we don't recognise; goes to quarantine
├── UnauthorisedError    no key, or one that is unknown, expired or revoked
├── ForbiddenError       a good key that may not do this
├── NotFoundError        certainly absent
├── GoneError            a cursor that is good no more; says how to begin anew
├── ConflictError        contradicts what is recorded
├── StoreAwayError       Postgres can't be asked or can't commit; ours, so 503
│   └── SlowQueryError   a query ran into its timeout; the sentence says how to narrow it
├── BusyError            as many of these as may run at once are under way; 503
├── SpoolError           the spool can't take or give; ours, so 503
├── SealedError          what lies on disk can't be decrypted
└── SetupError           can't start; the sentence names the cure
"""

from collections.abc import Mapping, Sequence


class ReceiverError(Exception):
    """Anything we raise on purpose."""


class BadInputError(ReceiverError):
    """A request to our own API that can't be taken; `fields` maps field path to its faults."""

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})

    @property
    def sentence(self) -> str:
        """The faults of all fields in one line, for who has room for no more."""
        faults = (f"{name}: {', '.join(said)}" for name, said in self.fields.items())
        return "; ".join(faults) or str(self)


class TooLargeError(ReceiverError):
    """A body over its cap; `head` is what was read of it."""

    def __init__(self, limit_bytes: int, *, head: bytes = b"") -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes
        self.head = head


class SlowBodyError(ReceiverError):
    """A body that did not arrive whole within its deadline."""


class PayloadError(ReceiverError):
    """A notification that can't be understood; `reason` is the quarantine's word for why."""

    def __init__(
        self, reason: str, message: str, *, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.fields = dict(fields or {})


class UnauthorisedError(ReceiverError):
    """No API key, or one that is unknown, expired or revoked."""


class ForbiddenError(ReceiverError):
    """A good API key without the scope, domain or point that this needs."""


class NotFoundError(ReceiverError):
    """What was asked for is certainly absent."""


class GoneError(ReceiverError):
    """A cursor from another database, or from before what is still remembered."""


class ConflictError(ReceiverError):
    """The request contradicts what is recorded."""


class StoreAwayError(ReceiverError):
    """Postgres can't be reached, can't commit, or was not in time."""


class SlowQueryError(StoreAwayError):
    """A query was cancelled because it took too long."""


class BusyError(ReceiverError):
    """As many requests of this kind as a process serves at once are under way."""


class ElsewhereError(ReceiverError):
    """A request for a role that this process does not have."""


class SpoolError(ReceiverError):
    """The spool is off, full, broken, or was not in time."""


class SealedError(ReceiverError):
    """What was sealed is damaged, or its key is not there."""


class SetupError(ReceiverError):
    """The command can't go on; the sentence names the cure."""
