"""Whether a notification can be made durable right now."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError
from receiver.store.fitness import REQUIRED
from receiver.store.reading import reading
from receiver.web.deadlines import QUESTION_SECONDS, within
from receiver.web.spool_watch import SpoolWatch

CACHED_SECONDS: Final = 1.0
#: A standby answers but can't commit, and a database without tables can't either.
_QUESTION: Final = text(
    "SELECT pg_is_in_recovery(),"
    " to_regclass('receipts') IS NOT NULL AND to_regclass('alembic_version') IS NOT NULL,"
    " current_setting('fsync')::bool AND current_setting('full_page_writes')::bool"
)
_VERSION: Final = text("SELECT max(version_num) FROM alembic_version")


@dataclass(slots=True)
class Readiness:
    """Asks Postgres, at most once a second however many ask for it; `spool` is the other way."""

    engine: Engine
    spool: SpoolWatch
    clock: Callable[[], float] = monotonic
    _state: str = ""
    _until: float = 0.0

    def database(self) -> str:
        """Return `ok`, or why nothing is committed there.

        It is `away`, a `standby`, `empty`, with a schema `behind` the code, or `unsafe`: it would
        forget what it commits.
        """
        if not self._state or self.clock() >= self._until:
            self._until = self.clock() + QUESTION_SECONDS  # the others take what is known
            self._state = self._ask()
            self._until = self.clock() + CACHED_SECONDS
        return self._state

    def overall(self) -> str:
        """Return `ready`, `degraded` if one of the ways is lost, `unready` if there is none."""
        ways = self.database(), self.spool.look().status
        if "ok" not in ways:
            return "unready"
        return "ready" if ways in {("ok", "ok"), ("ok", "off")} else "degraded"

    def _ask(self) -> str:
        try:
            with within(QUESTION_SECONDS), reading(self.engine) as session:
                return _fitness(session)
        except StoreAwayError:
            return "away"


def _fitness(session: Session) -> str:
    standby, has_tables, keeps = session.execute(_QUESTION).one()
    if standby or not has_tables:
        return "standby" if standby else "empty"
    if (session.scalar(_VERSION) or "") < REQUIRED:
        return "behind"
    return "ok" if keeps else "unsafe"
