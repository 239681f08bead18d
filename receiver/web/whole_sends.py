"""One send with all that became of it, for whoever shows it: a view, or a command."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from receiver.store import deliveries, questions, replies, sends
from receiver.store.replies import Reply
from receiver.store.tables import DeliveryRow, SendRow
from receiver.store.timelines import Place
from receiver.web import timelines
from receiver.web.shown_sends import Counts, delivery_item, question_item, reply_item, send_whole
from receiver.web.timelines import Entry
from receiver.web.times import utc
from receiver.web.veil import Clear

MOST_DELIVERIES: Final = 100


@dataclass(frozen=True, kw_only=True)
class WholeSend:
    """One send, with a page of its deliveries and one of its timeline."""

    session: Session
    send: SendRow
    window: timedelta
    """How long after it replies are looked for."""
    point_ids: Collection[UUID] = ()
    after: int = 0
    """The `seq` of the delivery that the page of deliveries begins behind."""
    place: Place = timelines.START
    """What the page of the timeline begins behind."""

    def shown(self, veil: Clear, more: Callable[[str, Sequence[int | str]], str]) -> dict[str, Any]:
        """Return it as JSON; `more` makes the address of a part's next page from its place."""
        codes = sends.point_codes(self.session, {self.send.point_id})
        entries, last = self.timeline
        rest = {
            "deliveries": [self.deliveries[-1].seq] if self._has_more else None,
            "timeline": [utc(last.at), str(last.id)] if last else None,
        }
        return {
            **send_whole(self.send, self._counts, codes, veil),
            "deliveries": [delivery_item(row, self.send, veil) for row in self.deliveries],
            "timeline": [entry.shown(veil) for entry in entries],
            "replies": [reply_item(reply, veil) for reply in self.replies],
            "questions": [question_item(row) for row in questions.of_send(self.session, self.send)],
            "more": {part: more(part, place) if place else None for part, place in rest.items()},
        }

    @property
    def deliveries(self) -> Sequence[DeliveryRow]:
        """The page of deliveries, in the order they became known."""
        return self._found[:MOST_DELIVERIES]

    @cached_property
    def timeline(self) -> tuple[Sequence[Entry], Place | None]:
        """The page of the timeline, and its last place if more follow."""
        return timelines.page(
            self.session, self.send, self.replies, after=self.place, known=self._all_deliveries
        )

    @cached_property
    def replies(self) -> Sequence[Reply]:
        """The customers' answers."""
        return replies.of_send(
            self.session,
            self.send,
            keys=self._keys,
            window=self.window,
            point_ids=self.point_ids,
        )

    @cached_property
    def _found(self) -> Sequence[DeliveryRow]:
        """The page of deliveries, and one more where more follow."""
        limit = MOST_DELIVERIES + 1
        return deliveries.page(self.session, self.send, after=self.after, limit=limit)

    @property
    def _has_more(self) -> bool:
        return len(self._found) > MOST_DELIVERIES

    @property
    def _all_deliveries(self) -> Sequence[DeliveryRow] | None:
        """All deliveries where one page holds them: then nothing is asked of others."""
        return None if self.after or self._has_more else self._found

    @property
    def _counts(self) -> Counts:
        if self._all_deliveries is not None:
            return sends.count_outcomes((row.rank, 1) for row in self._all_deliveries)
        return sends.outcomes(self.session, [self.send.seq]).get(self.send.seq, {})

    @property
    def _keys(self) -> Sequence[str]:
        if self._all_deliveries is not None:
            return [row.destination_key for row in self._all_deliveries]
        return deliveries.keys(self.session, self.send)
