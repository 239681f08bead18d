"""How the database and what goes through it are: what somebody on call asks first.

Each part is a question of its own, so that one which can't be answered hides none of the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Generic, NamedTuple, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.domain.errors import SlowQueryError, StoreAwayError
from receiver.store import traffic, vitals
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.traffic import Flow, Traffic
from receiver.store.vitals import Connections
from receiver.web.deadlines import QUESTION_SECONDS, within
from receiver.web.watched import Watched

#: An answer is good for so long: what is asked for costs more than whether Postgres is there.
CACHED_SECONDS: Final = 5.0
#: For all questions together.
_OVERDUE_SECONDS: Final = 10.0

Value = TypeVar("Value")


class Part(NamedTuple, Generic[Value]):
    """The answer to one question, None where there was none, and how long it took."""

    value: Value | None = None
    took_seconds: float = 0.0


class Vitals(NamedTuple):
    """What was found out."""

    days_ahead: Part[int] = Part()
    """Of partitions."""
    worker: Part[bool] = Part()
    connections: Part[Connections] = Part()
    traffic: Part[Mapping[str, Traffic]] = Part()
    """By domain."""
    flows: Part[tuple[Flow, ...]] = Part()


class VitalsWatch:
    """Asks a database that is fit, at most once in five seconds however many look."""

    def __init__(self, engine: Engine, *, silence: timedelta, is_fit: Callable[[], bool]) -> None:
        self._engine = engine
        self._silence = silence
        self._is_fit = is_fit
        self._watched = Watched(
            self._ask,
            unanswered=Vitals,
            overdue_seconds=_OVERDUE_SECONDS,
            cached_seconds=CACHED_SECONDS,
        )

    def look(self) -> Vitals:
        """Return what is known, within half a second."""
        return self._watched.look()

    def _ask(self) -> Vitals:
        if not self._is_fit():
            return Vitals()
        now = datetime.now(UTC)
        return Vitals(
            days_ahead=self._part(lambda session: vitals.days_ahead(session, now.date())),
            worker=self._part(vitals.worker_works),
            connections=self._part(vitals.connections),
            traffic=self._part(lambda session: traffic.lately(session, now)),
            flows=self._part(lambda session: (*traffic.flows(session, now, self._silence),)),
        )

    def _part(self, ask: Callable[[Session], Value]) -> Part[Value]:
        asked_at = monotonic()
        value: Value | None = None
        try:
            with within(QUESTION_SECONDS), reading(self._engine) as session:
                value = ask(session)
        except (StoreAwayError, SlowQueryError):
            pass
        return Part(value, monotonic() - asked_at)


def seen_by(key: ApiKey | None, flows: Iterable[Flow]) -> Sequence[Flow]:
    """Return the flows that are a key's own; without one, all of them."""
    return [
        flow
        for flow in flows
        if key is None
        or (flow.domain == key.domain and (not key.point_ids or flow.point_id in key.point_ids))
    ]
