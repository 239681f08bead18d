"""How each channel spells what happens: names, statuses, codes.

Source: CONTRACT.md 2.1 (channels), 2.3 (spellings), 2.4 (codes), 2.6 (sequences).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from receiver.sandbox.fates import DELIVERED, READ, SUBMITTED, Fate, Step, meaning_of


class Spelled(Struct, frozen=True):
    """What a receipt says."""

    status: str
    code: str
    description: str


#: By word, as most channels say it.
WORDS: Final[Mapping[str, Spelled]] = {
    "submitted": Spelled("Submitted", "7501", "Submitted"),
    "delivered": Spelled("Delivered", "7500", "Delivered"),
    "read": Spelled("Read", "7502", "Read"),
    "clicked": Spelled("Clicked", "7528", "https://example.com/offer|192.0.2.1"),
    "undelivered": Spelled("Failed", "7201", "Delivery failed at operator"),
    "failed": Spelled("Failed", "7202", "Delivery failed at platform"),
    "bounce": Spelled("Bounce", "7520", "Permanent_General"),
    "complaint": Spelled("Complaint", "7521", "abuse"),
    "unknown": Spelled("Parked", "7200", "Unknown status"),
    "offered": Spelled("OFFERED", "7407", "Call offered"),
    "accepted": Spelled("ACCEPTED", "7408", "Call accepted"),
    "answered": Spelled("ANSWERED", "7519", "Answered"),
    "dropped": Spelled("DROPPED", "7409", "Call dropped"),
    "released": Spelled("Released", "7405", "Release"),
}
_BUSY: Final = Spelled("REJECTED", "7402", "Busy")


class Channel(Struct, frozen=True, kw_only=True):
    """One channel, as its receipts show it."""

    name: str
    """The `deliveryChannel`."""
    own: Mapping[str, Spelled] = {}
    """Words that it spells in its own way."""
    good: Sequence[Step] = (SUBMITTED, DELIVERED)
    """What happens to a message that succeeds."""
    suffix: str = ""
    """What its receipts add to the transid of a request."""
    extra: Mapping[str, str] = {}
    """Further fields of the inner object."""

    def steps(self, fate: Fate) -> Sequence[Step]:
        """Return what happens to a message with this fate."""
        return fate.steps or self.good

    def spelled(self, step: Step) -> Spelled:
        """Return what the receipt of a step says; only a word that isn't its own takes a code."""
        found = self.own.get(step.word) or WORDS[step.word]
        if not step.code or found is _BUSY:
            return found
        return replace(found, code=step.code, description=meaning_of(step.code))


_CALL: Final = (
    Step("offered", 0.1, 0.1),
    Step("accepted", 0.2, 0.2),
    Step("answered", 0.5, 0.5),
    Step("dropped", 1.0, 1.0),
    Step("released", 1.0, 1.0),
)
_VOICE: Final = {
    "submitted": WORDS["offered"],
    "delivered": WORDS["answered"],
    "undelivered": _BUSY,
    "failed": _BUSY,
}
_SMS: Final = {"undelivered": Spelled("Un-Delivered", "7201", "Delivery failed at operator")}

#: By the name that `platform.channels` gives it.
CHANNELS: Final[Mapping[str, Channel]] = {
    "sms": Channel(name="SMS", own=_SMS, extra={"messageCount": "1"}),
    "mms": Channel(name="mms", extra={"sentAs": "MMS"}),
    "voice": Channel(name="voice", own=_VOICE, good=_CALL),
    "email": Channel(name="email", suffix="_0"),
    "whatsapp": Channel(name="whatsapp", suffix="_0", extra={"waidNormalized": "false"}),
    "messenger": Channel(
        name="fb", suffix="_0", own={"submitted": Spelled("Submited", "7501", "Submited")}
    ),
    "apple": Channel(name="applebusinesschat", good=(SUBMITTED,)),
    "instagram": Channel(name="instagram", good=(SUBMITTED, READ)),
    "twitter": Channel(name="twitter", good=(DELIVERED,)),
}


def channel_named(name: str) -> Channel:
    """Return a channel; of one without a way of its own receipts say what the request did."""
    return CHANNELS.get(name) or Channel(name=name)
