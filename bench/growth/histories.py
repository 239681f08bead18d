"""The history of delivery number n, out of nothing but n: whoever fills a table makes it anew.

A history is a send of which nobody told us, and its two receipts. Every value is spelled as COPY
takes it.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from bench.growth.plan import Plan
from bench.receipts import DESTINATION, RECEIPT, TRANSID
from receiver.domain.facts import digest_of
from receiver.domain.sends import send_id

DOMAIN: Final = "default"

#: By the name of a receipt, where it differs from the sample.
STAGES: Final[dict[str, dict[str, str]]] = {
    "submitted": {"deliveryStatus": "Submitted", "Description": "Submitted", "code": "7501"},
    "delivered": {},
}
#: When the platform says that it was, after the send; and when it arrives, after that.
_PROVIDER_MS: Final = {"submitted": 600, "delivered": 4_400}
_WAY_MS: Final = 300
#: The part of a day in which sends are made, so that no history crosses midnight. The odd
#: milliseconds keep times of the first history from ending in a zero, which Postgres leaves out.
_FIRST_MS: Final = 600_123
_LAST_MS: Final = 82_000_000
_HOUR_MS: Final = 3_600_000

#: Every second of a day: looked up ten times for each history.
_SECONDS: Final = [
    f"{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" for second in range(86_400)
]

_NOTIFICATION: Final[dict[str, Any]] = RECEIPT["deliveryInfoNotification"]
_PROVIDER_AT: Final[str] = _NOTIFICATION["deliveryInfo"]["timeStamp"]

#: By name, the values of one history that differ from those of another.
Values = dict[str, str]


def transid_of(number: int) -> str:
    """Return the transid of a history: as random as the platform's, and always the same."""
    return _transid(_digits(number))


@dataclass(frozen=True)
class Histories:
    """The histories of a plan, as receipts of one point."""

    plan: Plan
    point_id: UUID

    def of(self, numbers: Iterable[int], wanted: Collection[str]) -> Iterator[Values]:
        """Yield the values of histories, as far as they are wanted."""
        stages = [
            (stage, f"{stage}_raw" in wanted or f"{stage}_digest" in wanted)
            for stage in STAGES
            if any(name.startswith(stage) for name in wanted)
        ]
        for number in numbers:
            values, digits, day_ms, at_ms = self._begin(number)
            if "send_id" in wanted:
                values["send_id"] = str(send_id(DOMAIN, values["transid"]))
            for stage, whole in stages:
                _add_stage(values, stage, digits, day_ms, at_ms)
                if whole:
                    self._add_body(values, stage)
            yield values

    @cached_property
    def _days(self) -> list[tuple[str, int, range]]:
        """Each day: its name, its first millisecond, and its histories."""
        return [
            (
                str(day),
                int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000,
                self.plan.numbers_of(index),
            )
            for index, day in enumerate(self.plan.days)
        ]

    def _begin(self, number: int) -> tuple[Values, str, int, int]:
        """Return what a history begins with, its digits, and its day and time in milliseconds."""
        day, day_ms, numbers = self._days[self.plan.day_of(number)]
        digits = _digits(number)
        values = {
            "transid": _transid(digits),
            "destination": f"4477{int(digits[32:], 16) % 100_000_000:08d}",
            "day": day,
            "seq": str(number + 1),
        }
        place = (number - numbers.start) / len(numbers)
        return values, digits, day_ms, _FIRST_MS + int(place * (_LAST_MS - _FIRST_MS))

    def _add_body(self, values: Values, stage: str) -> None:
        raw = _BODIES[stage] % (
            values[f"{stage}_provider_at_raw"].encode(),
            values["destination"].encode(),
            values["transid"].encode(),
        )
        values[f"{stage}_raw"] = spelled(raw)
        values[f"{stage}_digest"] = spelled(digest_of(DOMAIN, self.point_id, 0, raw))


def spelled(value: bytes) -> str:
    """Return bytes as COPY takes them."""
    return "\\\\x" + value.hex()


def body_of(values: Values, stage: str) -> bytes:
    """Return the receipt of a stage as the platform posts it."""
    return bytes.fromhex(values[f"{stage}_raw"].removeprefix("\\\\x"))


def _add_stage(values: Values, stage: str, digits: str, day_ms: int, at_ms: int) -> None:
    """Add the id and the times of one receipt."""
    provider_ms = at_ms + _PROVIDER_MS[stage]
    accepted_ms = provider_ms + _WAY_MS
    stamp = f"{day_ms + accepted_ms:012x}"
    day = values["day"]
    values[f"{stage}_id"] = f"{stamp[:8]}-{stamp[8:]}-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"
    values[f"{stage}_accepted_at"] = f"{day} {_clock(accepted_ms)}+00"
    values[f"{stage}_provider_at"] = f"{day} {_clock(provider_ms)}+00"
    values[f"{stage}_provider_at_raw"] = f"{day}T{_clock(provider_ms + _HOUR_MS)}+01:00"


def _clock(at_ms: int) -> str:
    return f"{_SECONDS[at_ms // 1_000]}.{at_ms % 1_000:03d}"


def _digits(number: int) -> str:
    return hashlib.blake2b(b"%d" % number, digest_size=20).hexdigest()


def _transid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _template(stage: str) -> bytes:
    info = _NOTIFICATION["deliveryInfo"] | STAGES[stage]
    whole = {"deliveryInfoNotification": _NOTIFICATION | {"deliveryInfo": info}}
    text = json.dumps(whole, separators=(",", ":")).replace("%", "%%")
    for place in (_PROVIDER_AT, DESTINATION, TRANSID):
        text = text.replace(place, "%s")
    return text.encode()


_BODIES: Final = {stage: _template(stage) for stage in STAGES}
