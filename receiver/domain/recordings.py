"""Recordings: what senders wrote down about their sends, folded into one.

Destinations are the union of all recordings of a transid; every other field is the first one
given, by the best origin, then the earliest request, then the digest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from receiver.domain.deliveries import Delivery
from receiver.domain.facts import ORIGIN_RANKS, Answer, Destination, Fact, Send, State
from receiver.domain.identity import destination_key, may_pair, type_of
from receiver.domain.sends import RecordedSend, stored_transid
from receiver.domain.status import ACCEPTED, FAILED, UNKNOWN

_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_STATE_RANKS: Final = {
    State.REGISTERED: 1,
    State.UNCONFIRMED: 2,
    State.REFUSED: 3,
    State.ACCEPTED: 4,
}
_FIRST_STATUS: Final = {State.ACCEPTED: ACCEPTED, State.REFUSED: FAILED}
#: Fields of a Send that the first recording to give them decides, by the name they are kept under.
_FIRST_GIVEN: Final = {
    "registration": "registration",
    "correlationid": "recorded_correlationid",
    "channel": "recorded_channel",
    "callback_data": "recorded_callback_data",
    "sender": "sender",
    "tag": "tag",
    "text": "text",
    "metadata": "metadata",
    "requested_at": "requested_at",
    "expires_at": "expires_at",
    "notify_url": "notify_url",
    "reports_elsewhere": "reports_elsewhere",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """All recordings of one transid, the most believed first."""

    facts: Sequence[tuple[Fact, Send]]

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """The union of the recorded destinations by their keys, each as first named."""
        named: dict[str, Destination] = {}
        for _, send in self.facts:
            for destination in send.destinations:
                named.setdefault(destination_key(destination.value), destination)
        return named

    @property
    def state(self) -> State:
        """How far it came: the furthest state that the most believed origin tells."""
        origin = self.facts[0][1].origin
        states = (send.state for _, send in self.facts if send.origin == origin)
        return max(states, key=_STATE_RANKS.__getitem__)

    def first(self, name: str) -> Any:
        """Return the field `name` as the first recording that gives it has it, else its blank."""
        values = [getattr(send, name) for _, send in self.facts]
        return next((value for value in values if value), values[-1])

    def fold(self) -> RecordedSend:
        """Return what the recordings say together."""
        answer: Answer = self.first("answer") or Answer()
        points = [fact.point_id for fact, _ in self.facts if fact.point_id]
        return RecordedSend(
            recorded=True,
            settled=len(self.destinations) != 1,
            recorded_point_id=points[0] if points else None,
            sender_key=destination_key(self.first("sender")),
            state=self.state,
            answer_http=answer.http,
            answer_code=answer.code,
            answer_description=answer.description,
            answer_at=answer.at,
            recorded_at=min(fact.accepted_at for fact, _ in self.facts),
            **{kept: self.first(name) for name, kept in _FIRST_GIVEN.items()},
        )

    def deliveries(self, reported: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return one delivery per recorded destination, under the key that receipts know it by.

        One recorded destination without a receipt of its own, and one other reported, can be two
        names of one recipient; where there are more, nothing tells who is who.
        """
        named = [self._delivery(key, each) for key, each in self.destinations.items()]
        if len(named) == len(reported) == 1:
            recorded, other = named[0], reported[0]
            if may_pair(recorded.destination_type, other.destination_type):
                return [replace(recorded, destination_key=other.destination_key)]
        return named

    def _delivery(self, key: str, destination: Destination) -> Delivery:
        """Return what is known of a destination before any receipt: the answer to the send."""
        fact, send = self.facts[0]
        answer: Answer = self.first("answer") or Answer()
        return Delivery(
            domain=fact.domain,
            transid=stored_transid(send),
            destination_key=key,
            destination=destination.value,
            destination_type=type_of(destination.type, destination.value),
            recorded=True,
            rank=_FIRST_STATUS.get(self.state, UNKNOWN).rank,
            code=answer.code,
            description=answer.description,
            decided_digest=fact.digest,
            decided_at=fact.accepted_at,
            correlationid=destination.correlationid or self.first("correlationid"),
        )


def fold_recordings(facts: Iterable[Fact]) -> Mapping[str, Recorded]:
    """Gather recordings by the transid that they are kept under."""
    by_transid: dict[str, list[tuple[Fact, Send]]] = {}
    for fact in facts:
        if isinstance(fact.body, Send):
            by_transid.setdefault(stored_transid(fact.body), []).append((fact, fact.body))
    return {transid: Recorded(sorted(found, key=_belief)) for transid, found in by_transid.items()}


def _belief(recording: tuple[Fact, Send]) -> tuple[int, datetime, bytes, datetime, UUID]:
    fact, send = recording
    rank = -ORIGIN_RANKS[send.origin]
    return rank, send.requested_at or _LATEST, fact.digest, fact.accepted_at, fact.id
