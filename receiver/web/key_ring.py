"""The API keys in use, remembered for seconds."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Final

from sqlalchemy import Engine

from receiver.domain.errors import UnauthorisedError
from receiver.store import keys
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.web.deadlines import QUESTION_SECONDS, within
from receiver.web.memory import Memory

#: So long a revoked key goes on working.
FRESH_SECONDS: Final = 5.0


class KeyRing:
    """Secrets to API keys."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = monotonic) -> None:
        self._memory = Memory(
            partial(_look_up, engine), fresh_seconds=FRESH_SECONDS, stale=False, clock=clock
        )

    def open(self, secret: str) -> ApiKey:
        """Return the key that `secret` is, while it is good.

        Raises: UnauthorisedError where it is not, StoreAwayError where nobody can say.
        """
        key = self._memory.find(secret)
        if key is None or not key.is_good(datetime.now(UTC)):
            raise UnauthorisedError("the key is unknown, expired or revoked")
        return key


def _look_up(engine: Engine, secret: str) -> ApiKey | None:
    with within(QUESTION_SECONDS), reading(engine) as session:
        return keys.find(session, secret)
