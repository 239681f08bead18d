"""Asking the platform about sends that are overdue: a duty of the worker, off by default.

What it answers becomes a fact of source `reconciled`, like any other; what was asked, and what came
of it, is kept beside the send.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog

from receiver.cli.restraint import Pace, Rests
from receiver.domain.errors import SealedError
from receiver.domain.facts import Source, stamp
from receiver.domain.questions import TROUBLE, Finding, Question, next_question
from receiver.domain.sends import REGISTERED_PREFIX
from receiver.platform.calling import Heard, ask_status
from receiver.platform.lines import CallError
from receiver.platform.statuses import Answered, understand
from receiver.sealing import Sealer
from receiver.store import questions, upstreams
from receiver.store.apply import apply
from receiver.store.erasures import Erasures
from receiver.store.questions import Overdue, Place
from receiver.store.upstreams import Upstream

#: In one turn no question begins past this, so that other duties have theirs.
TURN_SECONDS: Final = 5.0
#: Statements of a turn that look for what is due.
MOST_WALKS: Final = 10
#: What stands in for a transid that is none of the platform's, or too long for an index.
_OURS: Final = (REGISTERED_PREFIX, "sha256:")

#: Address of the platform, key, transid.
Ask = Callable[[str, str, str], Heard]

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Platform:
    """The platform of one point, with the key in the clear."""

    at: Upstream
    key: str = field(repr=False)


class Reconciler:
    """Asks about what is overdue, as often as it may; it rests while facts wait in a spool."""

    def __init__(
        self,
        per_minute: int,
        sealer: Sealer,
        *,
        facts_wait: Callable[[], bool],
        ask: Ask = ask_status,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sealer = sealer
        self._erasures = Erasures(lambda: sealer)
        self._facts_wait = facts_wait
        self._ask = ask
        self._clock = clock
        self._now = now
        self._pace = Pace(per_minute, clock)
        self._rests = Rests(clock)
        self._place = Place()

    def turn(self, connection: psycopg.Connection[Any]) -> Mapping[Finding, int]:
        """Ask what is due, for a bounded time; return how many questions came to what.

        Raises: StoreAwayError, psycopg.Error.
        """
        turn = _Turn(self._clock() + TURN_SECONDS)
        platforms = {} if self._facts_wait() else self._platforms(connection)
        for _ in range(MOST_WALKS if platforms else 0):
            sends, rest = questions.walk(connection, self._place)
            for send in sends:
                platform = platforms.get(send.point_id)
                if platform and not self._settle(connection, send, platform, turn):
                    self._place = send.before
                    return turn.found
            self._place = rest or Place()
            if rest is None:
                break
        return turn.found

    def _platforms(self, connection: psycopg.Connection[Any]) -> Mapping[UUID | None, _Platform]:
        """Return the platforms that may be asked, by their points' ids."""
        found: dict[UUID | None, _Platform] = {}
        for upstream in upstreams.list_(connection):
            if self._rests.holds(upstream.point_id):
                continue
            try:
                found[upstream.point_id] = _Platform(upstream, upstream.key(self._sealer))
            except SealedError as error:
                self._rests.begin(upstream.point_id, None)
                logger.warning("platform_key_unreadable", point=upstream.code, reason=str(error))
        return found

    def _settle(
        self,
        connection: psycopg.Connection[Any],
        send: Overdue,
        platform: _Platform,
        turn: "_Turn",
    ) -> bool:
        """Ask what is due about one send; False where the time or the pace doesn't allow it."""
        past = list(send.past)
        while (name := self._due(send, platform, past)) is not None:
            if self._clock() >= turn.until or not self._pace.take():
                return False
            now = self._now()
            id_ = questions.begin(connection, send.send_seq, asked_as=name, asked_at=now)
            if id_ is None:
                break
            finding = self._put(connection, platform, name, id_)
            turn.found[finding] += 1
            past.append(Question(asked_as=name, asked_at=now, finding=finding))
        return True

    def _due(self, send: Overdue, platform: _Platform, past: list[Question]) -> str | None:
        """Return the name by which a send is to be asked about now, None where it isn't."""
        if self._rests.holds(platform.at.point_id) or send.transid.startswith(_OURS):
            return None
        name, due_at = next_question(send.transid, past) or (None, None)
        return None if due_at and due_at > self._now() else name

    def _put(
        self, connection: psycopg.Connection[Any], platform: _Platform, name: str, id_: UUID
    ) -> Finding:
        """Ask one question, and keep what comes of it."""
        heard, answered = self._hear(platform, name)
        facts = [
            stamp(
                status.receipt,
                domain=platform.at.domain,
                point_id=platform.at.point_id,
                source=Source.RECONCILED,
                raw=status.raw,  # without its place in the answer: what says the same is the same
            )
            for status in answered.statuses
        ]
        if facts:
            apply(connection, facts, self._erasures)
        http = heard.http if heard else None
        questions.end(connection, id_, answered.finding, http=http, code=answered.code)
        self._consider(platform, answered.finding, heard)
        return answered.finding

    def _hear(self, platform: _Platform, name: str) -> tuple[Heard | None, Answered]:
        try:
            heard = self._ask(platform.at.platform_url, platform.key, name)
        except CallError as error:
            logger.warning("platform_silent", point=platform.at.code, reason=str(error))
            return None, Answered(finding=Finding.UNREACHABLE)
        answered = understand(heard.http, heard.body, transid=name, zone=platform.at.zone)
        return heard, answered

    def _consider(self, platform: _Platform, finding: Finding, heard: Heard | None) -> None:
        """Leave a platform alone that is in trouble."""
        if finding not in TROUBLE:
            self._rests.end(platform.at.point_id)
            return
        asked = heard.retry_after_seconds if heard else None
        seconds = self._rests.begin(platform.at.point_id, asked)
        logger.warning(
            "platform_left_alone",
            point=platform.at.code,
            finding=finding,
            http=heard.http if heard else None,
            again_in_seconds=round(seconds),
        )


@dataclass(slots=True)
class _Turn:
    """One turn of the duty."""

    until: float
    found: Counter[Finding] = field(default_factory=Counter)
