"""Whether a notification can be made durable right now."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from sqlalchemy import Engine, text

from receiver.domain.errors import StoreAwayError
from receiver.store.reading import reading
from receiver.web.deadlines import QUESTION_SECONDS, within

CACHED_SECONDS: Final = 1.0
#: A standby answers but can't commit, and a database without tables can't either.
_QUESTION: Final = text("SELECT pg_is_in_recovery(), to_regclass('receipts') IS NOT NULL")


@dataclass(slots=True)
class Readiness:
    """Asks Postgres, at most once a second however many ask for it."""

    engine: Engine
    clock: Callable[[], float] = monotonic
    _state: str = ""
    _until: float = 0.0

    def database(self) -> str:
        """Return `ok`, or what is wrong with the database: `away`, `standby` or `empty`."""
        if not self._state or self.clock() >= self._until:
            self._until = self.clock() + QUESTION_SECONDS  # the others take what is known
            self._state = self._ask()
            self._until = self.clock() + CACHED_SECONDS
        return self._state

    def _ask(self) -> str:
        try:
            with within(QUESTION_SECONDS), reading(self.engine) as session:
                standby, has_tables = session.execute(_QUESTION).one()
        except StoreAwayError:
            return "away"
        if standby:
            return "standby"
        return "ok" if has_tables else "empty"
