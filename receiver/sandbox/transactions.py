"""What was asked of the sandbox and accepted, and where it stands at any moment."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from receiver.domain.facts import Destination, Send
from receiver.sandbox.channels import Channel, channel_named
from receiver.sandbox.fates import Step, fate_of
from receiver.sandbox.notifications import Receipt

#: What the status of a transaction calls a word; other words as their receipts do.
_STATUSES: Final[Mapping[str, str]] = {
    "submitted": "sent",
    "read": "delivered",
    "clicked": "delivered",
    "undelivered": "failed",
    "bounce": "failed",
    "complaint": "delivered",
    "offered": "queued",
    "accepted": "queued",
    "dropped": "answered",
    "released": "answered",
}
_EXPIRED: Final = "7208"
#: Codes that are no errors.
_GOOD: Final = frozenset({"7500", "7501", "7502", "7519", "7528"})
#: How long a request for profiles is under way.
PROFILE_SECONDS: Final = 0.5


class Transaction(Struct, frozen=True, kw_only=True):
    """One accepted request to send: what was said of it, and to whom it goes."""

    send: Send
    """With its transid."""
    at: datetime

    @property
    def channel(self) -> Channel:
        """Return how its channel spells what happens."""
        return channel_named(self.send.channel)

    def steps(self, destination: Destination) -> Sequence[Step]:
        """Return what happens to the message to one recipient."""
        return self.channel.steps(fate_of(destination.value))

    def when(self, step: Step) -> datetime:
        """Return when something happens to it."""
        return self.at + timedelta(seconds=step.at)

    def receipts(self, destination: Destination) -> Iterator[tuple[Step, Receipt]]:
        """Yield what one recipient's receipts say, of what is told at all."""
        for step in self.steps(destination):
            if step.told is not None:
                yield step, self._receipt(destination, step)

    def receipt_count(self) -> int:
        """Return how many receipts there will be, copies too."""
        steps = (step for each in self.send.destinations for step in self.steps(each))
        return sum(step.copies for step in steps if step.told is not None)

    def _receipt(self, destination: Destination, step: Step) -> Receipt:
        return Receipt(
            channel=self.channel,
            said=self.channel.spelled(step),
            at=self.when(step),
            has_zone=step.zone,
            transid=self.send.transid,
            destination=destination.value,
            destination_type=destination.type,
            correlationid=destination.correlationid or self.send.correlationid,
            callback_data=self.send.callback_data,
        )

    def statuses(self, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return where it stands, by recipient, as the platform answers it."""
        return [self._status(each, now) for each in self.send.destinations]

    def _status(self, destination: Destination, now: datetime) -> Mapping[str, Any]:
        past = [step for step in self.steps(destination) if self.when(step) <= now]
        step = past[-1] if past else None
        said = self.channel.spelled(step) if step else None
        code = said.code if said and said.code not in _GOOD else None
        named = _STATUSES.get(step.word, said.status.lower()) if step and said else "queued"
        return {
            "transactionid": self.send.transid,
            "clientid": "1",
            "api_version": "v1",
            "type": "outbound-api",
            "from": self.send.sender,
            "to": destination.value,
            "body": self.send.text,
            "channel": self.channel.name,
            "status": "expired" if code == _EXPIRED else named,
            "date_created": _mail_time(self.at),
            "last_updated": _mail_time(self.when(step) if step else self.at),
            "error_code": code,
            "error_message": said.description if said and code else None,
        }


class ProfileRequest(Struct, frozen=True, kw_only=True):
    """An accepted request for app profiles."""

    transid: str
    at: datetime
    results: Sequence[Mapping[str, str]]
    """By record: code, customerId, description."""
    is_done: bool = True
    """False where it never will be."""

    def result(self) -> dict[str, Any]:
        """Return what came of it."""
        good = sum(each["code"] == "1000" for each in self.results)
        is_whole = good == len(self.results)
        return {
            "TotalCount": len(self.results),
            "code": "1000" if is_whole else "1002",
            "FailureCount": len(self.results) - good,
            "Results": list(self.results),
            "transid": self.transid,
            "description": "SUCCESS" if is_whole else "Partial success",
            "SuccessCount": good,
        }

    def is_over(self, now: datetime) -> bool:
        """Tell whether its result is there."""
        return self.is_done and now >= self.at + timedelta(seconds=PROFILE_SECONDS)


def _mail_time(at: datetime) -> str:
    return f"{at:%a, %d %b %Y %H:%M:%S} UTC"
