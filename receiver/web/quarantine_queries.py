"""What the quarantine is asked by, and what of it is to be replayed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from marshmallow import Schema, fields, validate

from receiver.store import quarantine
from receiver.store.arrivals import Excerpt, Place
from receiver.store.quarantine import REASONS, Sought, State
from receiver.web.fields import Choices, Flag, Instant, Many, Text
from receiver.web.queries import ListQuery
from receiver.web.times import read_time, utc

#: What the platform heard of what is in quarantine.
ANSWERS: Final = ("200", "400", "401", "403", "413")
SHAPE: Final = "shape"
_OF_STATE: Final = "What became of it."


class _Filters(Schema):
    """What a part of the quarantine is chosen by."""

    reason = Choices(REASONS, metadata={"description": "Why it was not taken."})
    point = Many(Text(most=200), metadata={"description": "Ids or codes of points."})
    answered = Choices(ANSWERS, metadata={"description": "The status that the platform got."})
    like = fields.UUID(
        error_messages={"invalid_uuid": "must be an id"},
        metadata={"description": "The id of one whose reason, point and shape the others have."},
    )


class QuarantineQuery(_Filters, ListQuery):
    """What the list of the quarantine is narrowed by, or grouped."""

    state = Choices([state.value for state in State], metadata={"description": _OF_STATE})
    group = fields.String(validate=validate.OneOf([SHAPE], error=f"must be {SHAPE}"))


class ReplaySchema(Schema):
    """Whether what was refused for its address or signature is let in all the same."""

    trust = Flag(load_default=False)


class DiscardManySchema(_Filters):
    """What is to be discarded; with `confirm`, as the count answered it, it begins."""

    state = Choices(
        [state.value for state in State],
        load_default=(State.OPEN.value,),
        metadata={"description": _OF_STATE},
    )
    since = Instant(metadata={"description": "Accepted at this time or later."})
    until = Instant(metadata={"description": "Accepted before this time."})
    confirm = Text(most=500)


class ReplayManySchema(DiscardManySchema, ReplaySchema):
    """What is to be replayed; with `confirm`, as the count answered it, it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the quarantine is to be replayed, and how; or to be discarded."""

    sought: Sought
    points: Sequence[str]
    since: datetime | None
    until: datetime | None
    trust: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return what loaded parameters choose."""
        return cls(
            sought=sought_of(given),
            points=given.get("point", ()),
            since=given.get("since"),
            until=given.get("until"),
            trust=given.get("trust", False),
        )

    @classmethod
    def told(cls, asked: Mapping[str, Any]) -> Self:
        """Return what `asked` told of."""
        times = {name: asked[name] and read_time(asked[name]) for name in ("since", "until")}
        return cls.of({**asked, **times, "like": asked["like"] and UUID(asked["like"])})

    def asked(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "reason": list(self.sought.reason),
            "state": list(self.sought.state),
            "answered": [str(status) for status in self.sought.answered],
            "like": self.sought.like and str(self.sought.like),
            "point": list(self.points),
            "since": self.since and utc(self.since),
            "until": self.until and utc(self.until),
            "trust": self.trust,
        }

    def excerpt(
        self,
        domain: str,
        point_ids: Collection[UUID],
        *,
        before: Place | None = None,
        limit: int = 0,
    ) -> Excerpt:
        """Return the part of the table, of what a caller with these points may see."""
        return Excerpt(
            domain=domain,
            point_ids=point_ids,
            points=self.points,
            since=self.since,
            until=self.until,
            before=before,
            limit=limit,
        )


def sought_of(given: Mapping[str, Any]) -> Sought:
    """Return what loaded parameters narrow a list to."""
    return quarantine.Sought(
        reason=given.get("reason", ()),
        state=given.get("state", ()),
        answered=[int(status) for status in given.get("answered", ())],
        like=given.get("like"),
    )
