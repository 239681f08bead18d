"""What a trial sends: messages to every fate, in every form that the platform takes."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, Final

from msgspec import Struct

from receiver.sandbox.channels import CHANNELS
from receiver.sandbox.fates import FATES, NUMBERS

SENDER: Final = f"{NUMBERS}000"
#: Of each fate but the storm, which is many receipts by itself.
_EACH: Final = 3
_AT_ONCE: Final = 10

Json = Mapping[str, Any]


class Traffic(Struct, frozen=True, kw_only=True):
    """Requests for one trial."""

    messages: Sequence[Any]
    """Bodies: single requests, arrays of them, and requests with several destinations."""
    refused: Sequence[Json]
    """Those that the platform refuses."""
    customers: Sequence[str]
    """Numbers that get an ordinary message, and may answer it."""


def make_traffic(count: int) -> Traffic:
    """Return requests that come to about `count` messages, and to no fewer than all fates need."""
    fates = [fate for fate in FATES if not fate.code]
    magic = [fate.number for fate in fates for _ in range(1 if fate.name == "storm" else _EACH)]
    ordinary = _ordinary()
    others = list(islice(cycle(ordinary), max(count - len(magic) - len(CHANNELS), _AT_ONCE)))
    numbers = [*magic, *others]
    random.shuffle(numbers)
    third = len(numbers) // 3
    singles, in_arrays, together = numbers[:third], numbers[third : 2 * third], numbers[2 * third :]
    return Traffic(
        messages=[
            *map(_request, singles),
            *([_request(number) for number in part] for part in _parts(in_arrays)),
            *(_request(*part) for part in _parts(together)),
            *(_request(ordinary[0], channel=channel) for channel in CHANNELS),
        ],
        refused=[
            _request(fate.number, expiry="2015-04-12T18:51:19") for fate in FATES if fate.code
        ],
        customers=sorted(set(others)),
    )


def silent_request() -> Json:
    """Return a request of which no receipt will ever tell."""
    return _request(next(fate.number for fate in FATES if fate.name == "silent"))


def _ordinary() -> Sequence[str]:
    """Return numbers that nobody has and that no table names."""
    magic = {fate.digits for fate in FATES}
    digits = (f"{number:03}" for number in range(1, 1000))
    return [NUMBERS + each for each in digits if each not in magic]


def _request(*numbers: str, channel: str = "sms", **more: str) -> Json:
    return {
        "deliverychannel": channel,
        "channels": {channel: {"text": "Your table is booked for eight.", "senderid": SENDER}},
        "destination": [{"msisdn": list(numbers)}],
        **more,
    }


def _parts(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))
