"""Whether a notification can be made durable right now."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from receiver.domain.errors import StoreAwayError
from receiver.metrics import store_refusal
from receiver.store import changes, questions
from receiver.store.fitness import REQUIRED
from receiver.store.reading import reading
from receiver.web.deadlines import QUESTION_SECONDS, within
from receiver.web.roster import Roster
from receiver.web.spool_watch import SpoolWatch
from receiver.web.watched import Watched

#: A standby answers but can't commit, and a database without tables can't either.
_QUESTION: Final = text(
    "SELECT pg_is_in_recovery(),"
    " to_regclass('receipts') IS NOT NULL AND to_regclass('alembic_version') IS NOT NULL,"
    " current_setting('fsync')::bool AND current_setting('full_page_writes')::bool"
)
_VERSION: Final = text("SELECT max(version_num) FROM alembic_version")


class _Database(NamedTuple):
    """What Postgres answered."""

    status: str
    feed_lag_seconds: float
    questions: Mapping[str, int]
    """How many were ever put to the platform, by what came of them."""


_AWAY: Final = _Database("away", 0.0, {})


class Readiness:
    """What it takes: somebody who is known, and Postgres or the spool to keep what they send.

    Nobody who looks waits for Postgres, or for the disk, longer than half a second.
    """

    def __init__(self, engine: Engine, spool: SpoolWatch, roster: Roster) -> None:
        self.engine = engine
        self.spool = spool
        self._roster = roster
        self._database = Watched(
            self._ask, unanswered=lambda: _AWAY, overdue_seconds=QUESTION_SECONDS
        )

    def feed_lag_seconds(self) -> float:
        """Return for how long a transaction has held the change feed back; 0 where unknown."""
        return self._database.look().feed_lag_seconds

    def questions(self) -> Mapping[str, int]:
        """Return how many questions were ever put to the platform, by what came of them."""
        return self._database.look().questions

    def database(self) -> str:
        """Return `ok`, or why nothing is committed there.

        It is `away`, a `standby`, `empty`, with a schema `behind` the code, `unsafe`: it would
        forget what it commits; or it can be read, and has lately refused to commit, as its disk is
        `full` or it is `read_only`.
        """
        return self._database.look().status

    def is_readable(self) -> bool:
        """Tell whether Postgres can be asked."""
        return self.database() in {"ok", "full", "read_only"}

    @property
    def database_seconds(self) -> float:
        """How long it took to find that out."""
        return self._database.took_seconds

    def directory(self) -> str:
        """Return `ok`, or `unknown` while nobody can be admitted."""
        return "ok" if self._roster.is_known() else "unknown"

    @property
    def directory_seconds(self) -> float:
        """How long the last look at the directory took."""
        return self._roster.took_seconds

    def overall(self) -> str:
        """Return `ready`, `degraded` if one of the ways is lost, `unready` if there is none."""
        ways = self.database(), self.spool.look().status
        if "ok" not in ways or self.directory() != "ok":
            return "unready"
        return "ready" if ways in {("ok", "ok"), ("ok", "off")} else "degraded"

    def _ask(self) -> _Database:
        try:
            with within(QUESTION_SECONDS), reading(self.engine) as session:
                status = _fitness(session)
                if status != "ok":
                    return _Database(status, 0.0, {})
                status = store_refusal() or status
                return _Database(status, changes.lag_seconds(session), questions.counts(session))
        except StoreAwayError:
            return _AWAY


def _fitness(session: Session) -> str:
    standby, has_tables, keeps = session.execute(_QUESTION).one()
    if standby or not has_tables:
        return "standby" if standby else "empty"
    if (session.scalar(_VERSION) or "") < REQUIRED:
        return "behind"
    return "ok" if keeps else "unsafe"
