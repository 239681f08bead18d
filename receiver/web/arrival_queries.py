"""What lists of what arrived are asked by."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from receiver.domain.facts import Kind
from receiver.domain.status import STATUSES
from receiver.web.fields import Text
from receiver.web.queries import DEFAULT_LIMIT, MOST_LIMIT, Limit, ListQuery, PageQuery

#: Raw bodies can be large.
MOST_RAW: Final = 20
#: So long a time is searched for what no index leads to.
MOST_DAYS: Final = 31
_ANY_TIME: Final = frozenset({"since", "until", "limit", "cursor", "raw"})


class RawQuery(PageQuery):
    """What lists take whose raw bodies can be asked for."""

    limit = Limit(validate=validate.Range(1, MOST_LIMIT), metadata={"default": DEFAULT_LIMIT})
    raw = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        load_default=False,
        error_messages={"invalid": "must be true or false"},
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


class ArrivalsQuery(RawQuery, ListQuery):
    """What lists over time take; what has no index needs a time to be searched."""

    indexed: ClassVar[Sequence[str]] = ()
    """The filters that an index serves."""

    point = Text(most=200, metadata={"description": "A point's code or id."})

    @validates_schema
    def _within_reach(self, loaded: Mapping[str, Any], **_: Any) -> None:
        narrowing = loaded.keys() - _ANY_TIME
        # A page that follows another had its time already, which ended where it ends.
        if narrowing and narrowing.isdisjoint(self.indexed) and "cursor" not in loaded:
            self._check_span(loaded)

    def _check_span(self, loaded: Mapping[str, Any]) -> None:
        until = loaded.get("until") or datetime.now(UTC)
        if "since" not in loaded or until - loaded["since"] > timedelta(days=MOST_DAYS):
            others = " or ".join(self.fields[name].data_key or name for name in self.indexed)
            fault = f"since and until must be at most {MOST_DAYS} days apart without {others}"
            raise ValidationError({"since": [fault], "until": [fault]})


class MessagesQuery(ArrivalsQuery):
    """What messages are sought by."""

    indexed: ClassVar[Sequence[str]] = ("tid", "sender")

    tid = Text(most=600)
    sender = Text(most=2048, data_key="from")
    recipient = Text(most=2048, data_key="to")
    name = Text(most=600, metadata={"description": "The platform's event, as it came."})


class EventsQuery(MessagesQuery):
    """What events and calls are sought by."""

    indexed = (*MessagesQuery.indexed, "transid")

    kind = fields.String(validate=validate.OneOf([Kind.EVENT.value, Kind.CALL.value]))
    transid = Text(most=600)
    correlationid = Text(most=600)


class ReceiptsQuery(ArrivalsQuery):
    """What receipts are sought by."""

    indexed = ("transid", "destination")

    transid = Text(most=600)
    destination = Text(most=2048)
    status = fields.String(validate=validate.OneOf([status.name for status in STATUSES]))
    raw_status = Text(most=600, metadata={"description": "The status as it came."})
    code = Text(most=600)
    correlationid = Text(most=600)
