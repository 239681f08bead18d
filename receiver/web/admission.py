"""Who may post to a hook: the token in its path."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Final

from sqlalchemy import Engine

from receiver.domain.errors import NotFoundError
from receiver.store import points
from receiver.store.points import Point
from receiver.store.reading import reading
from receiver.web.deadlines import QUESTION_SECONDS, within
from receiver.web.memory import Memory

FRESH_SECONDS: Final = 10.0


class Admission:
    """Tokens to points, remembered, so that known ones get in with Postgres away."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = monotonic) -> None:
        self._memory = Memory(
            partial(_look_up, engine), fresh_seconds=FRESH_SECONDS, stale=True, clock=clock
        )

    def admit(self, token: str) -> Point:
        """Return the point that `token` opens.

        Raises: NotFoundError where Postgres says that there is none, StoreAwayError where nobody
        can say.
        """
        point = self._memory.find(token)
        if point is None:
            raise NotFoundError("no such hook")
        return point


def _look_up(engine: Engine, token: str) -> Point | None:
    with within(QUESTION_SECONDS), reading(engine) as session:
        return points.find_by_token(session, token)
