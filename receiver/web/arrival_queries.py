"""What lists of what arrived are asked by."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, post_load, validates_schema

from receiver.domain.facts import NOTICED, Kind
from receiver.domain.status import STATUSES
from receiver.web.fields import ChannelName, Choices, Flag, Many, Numbers, Text
from receiver.web.queries import DEFAULT_LIMIT, IN_LIMIT, Limit, ListQuery, PageQuery
from receiver.web.windows import Served

#: Raw bodies can be large.
MOST_RAW: Final = 20


class RawQuery(PageQuery):
    """What lists take whose raw bodies can be asked for."""

    limit = Limit(validate=IN_LIMIT, metadata={"default": DEFAULT_LIMIT})
    raw = Flag(
        load_default=False,
        metadata={"description": f"With the bodies as they came: admin, limit at most {MOST_RAW}."},
    )

    @validates_schema
    def _few_with_raw(self, loaded: Mapping[str, Any], **_: Any) -> None:
        if loaded["raw"] and loaded.get("limit", 0) > MOST_RAW:
            raise ValidationError({"limit": [f"must be at most {MOST_RAW} with raw=true"]})

    @post_load
    def _limited(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"limit": MOST_RAW if loaded["raw"] else DEFAULT_LIMIT, **loaded}


class TidQuery(RawQuery):
    """What the messages with one tid are sought by, beside that."""


def _served_by(*names: str) -> Served:
    return Served(few=frozenset(names), in_order=(frozenset(),))


class ArrivalsQuery(RawQuery, ListQuery):
    """What lists over time take."""

    channel = Many(ChannelName(most=50))
    point = Many(Text(most=200), metadata={"description": "Ids or codes of points."})


class MessagesQuery(ArrivalsQuery):
    """What messages are sought by."""

    served: ClassVar[Served | None] = _served_by("tid", "sender")

    tid = Many(Text(most=600))
    sender = Numbers(data_key="from")
    recipient = Numbers(data_key="to")
    name = Many(Text(most=600), metadata={"description": "The platform's event, as it came."})


class EventsQuery(MessagesQuery):
    """What events, calls and results of profiles are sought by."""

    served = _served_by("tid", "sender", "transid")

    kind = Choices([kind.value for kind in NOTICED if kind is not Kind.MESSAGE])
    transid = Many(Text(most=600))
    correlationid = Many(Text(most=600))


class ReceiptsQuery(ArrivalsQuery):
    """What receipts are sought by."""

    served = _served_by("transid", "destination")

    transid = Many(Text(most=600))
    destination = Numbers()
    status = Choices([status.name for status in STATUSES])
    raw_status = Many(Text(most=600), metadata={"description": "The status as it came."})
    code = Many(Text(most=600))
    correlationid = Many(Text(most=600))
