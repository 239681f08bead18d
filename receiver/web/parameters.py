"""What each parameter of a path, a query or a header means, as the OpenAPI document says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from receiver.web.examples import FACT_ID, SENDER, TRANSID
from receiver.web.point_examples import POINT_ID


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a parameter of a path, a query or a header means."""

    description: str
    example: Any = None


_OPAQUE: Final = "as an answer gave it; opaque, and good for the same filters only"
#: By name; a description that a schema's field has of its own goes first.
PARAMETERS: Final[Mapping[str, Parameter]] = {
    "X-HTTP-Method-Override": Parameter("The verb that is meant: LOOKUP.", "LOOKUP"),
    "Idempotency-Key": Parameter(
        "The name of a request: repeated, it records and sends nothing twice.",
        "booking-17-reminder",
    ),
    "X-Tag": Parameter("The tag of what is sent; else the id of its template is.", "booking"),
    "appid": Parameter("The application whose profiles they are.", "a_6370"),
    "after": Parameter(f"Where to go on, {_OPAQUE}; or `start`, or `now`.", "start"),
    "bucket": Parameter("How long each row's span of time is.", "hour"),
    "by": Parameter("What counts are told apart by.", "channel"),
    "carrier": Parameter("The carrier as receipts name it.", "EE"),
    "channel": Parameter("The channel, in any of the platform's spellings.", "sms"),
    "code": Parameter("The platform's code of the deciding receipt.", "7500"),
    "compare": Parameter("How much earlier the span to compare with lies.", "7d"),
    "conflict": Parameter("Whether it was reported both as reached and as missed.", "true"),
    "correlationid": Parameter("The sender's own id, which need not be unique.", "order-17"),
    "cursor": Parameter(f"Where the page begins: `next` {_OPAQUE}."),
    "deliveries": Parameter("Which page of deliveries: take the URL that `more` holds."),
    "destination": Parameter("A recipient, in any spelling.", "+44 7700 900123"),
    "from": Parameter("Who sent it, in any spelling.", "+44 7700 900123"),
    "id_": Parameter("The id of an integration point.", POINT_ID),
    "group": Parameter("What to group by.", "shape"),
    "id": Parameter("Our id.", FACT_ID),
    "key": Parameter("Our id of a send, its transid, or another name of it.", TRANSID),
    "kind": Parameter("What kinds are wanted.", "event"),
    "limit": Parameter("How many items a page has.", 100),
    "name": Parameter("A file that the page names.", "page.css"),
    "outcome": Parameter("What the status means for the sender.", "failure"),
    "overdue": Parameter("Whether its time is up and no outcome is known.", "true"),
    "point": Parameter("An integration point, by its code or id.", "otp"),
    "raw": Parameter("Whether the bodies as they came are wanted; needs `admin`.", "true"),
    "recorded": Parameter("Whether a send was recorded, or only receipts are known.", "true"),
    "rest": Parameter("Any sub-path, such as `dr` or `mo`: a hint, content decides.", "dr"),
    "sender": Parameter("The number or name that it was sent from.", SENDER),
    "since": Parameter("Accepted at this time or later.", "2026-11-22T00:00:00Z"),
    "source": Parameter("How it came to us.", "hook"),
    "state": Parameter("What is known of the request itself.", "accepted"),
    "status": Parameter("The canonical status.", "delivered"),
    "tag": Parameter("The tag that the sender gave.", "booking"),
    "tid": Parameter("The platform's id of a message, which need not be unique.", "0044_7f3b2c"),
    "timeline": Parameter("Which page of the timeline: take the URL that `more` holds."),
    "to": Parameter("Whom it was sent to, in any spelling.", SENDER),
    "token": Parameter("The hook token of an integration point. It is the key: keep it secret."),
    "transid": Parameter("The platform's id of a send, or another name of it.", TRANSID),
    "until": Parameter("Accepted before this time.", "2026-11-23T00:00:00Z"),
    "wait": Parameter("How many seconds to wait for something new.", 20),
}
