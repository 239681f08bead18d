"""What the OpenAPI document shows of the quarantine and of jobs; see `examples`."""

from collections.abc import Mapping
from typing import Any, Final

_SHAPE: Final = "{channel: text, report: {state: text, to: text}}"
_ASKED: Final = {
    "reason": ["unrecognised"],
    "state": ["open"],
    "answered": [],
    "like": None,
    "point": ["otp"],
    "since": None,
    "until": "2026-11-22T18:00:00.000Z",
    "trust": False,
}

_CHOSEN_BY: Final = ("DiscardManySchema", "ReplayManySchema")
_CHOSEN: Final = {
    "answered": ["400"],
    "point": ["otp"],
    "reason": ["unrecognised"],
    "state": ["open"],
}

#: As those of `examples`.
VALUES: Final[Mapping[str, Any]] = {
    "answered": 400,
    "confirm": "WyI1ZDk0YzJmYTc3YjEiLDE3LCIyMDI2LTExLTIyVDE4OjAwOjAwLjAwMFoiXQ",
    "count": 17,
    "example": "01a20460-a6a0-7476-9abe-1fc179d7ce94",
    "first_at": "2026-11-22T10:00:04.512Z",
    "headers": {"content-type": "application/json", "user-agent": "Platform/6"},
    "like": "01a20460-a6a0-7476-9abe-1fc179d7ce94",
    "last_at": "2026-11-22T17:31:40.090Z",
    "message": "no kind of notification that we know",
    "path": "/dr",
    "reason": "unrecognised",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "shape": _SHAPE,
    "truncated": False,
    "trust": False,
    "JobShape.asked": _ASKED,
    "JobShape.created_at": "2026-11-22T18:00:12.000Z",
    "JobShape.done": 12,
    "JobShape.ended_at": None,
    "JobShape.error": None,
    "JobShape.kind": "quarantine.replay",
    "JobShape.results": {"accepted": 11, "quarantined": 1},
    "JobShape.started_at": "2026-11-22T18:00:14.000Z",
    "JobShape.state": "running",
    "JobShape.total": 17,
    "QuarantineItem.bytes": 61,
    "QuarantineItem.state": "open",
    "QuarantineShape.raw": '{"channel":"sms","report":{"state":"sent","to":"447700900123"}}',
    "QuarantineShape.raw_encoding": "utf-8",
    "Count.until": _ASKED["until"],
    **{f"{schema}.{name}": said for schema in _CHOSEN_BY for name, said in _CHOSEN.items()},
    "ReplayResult.state": "replayed",
    "ReplayShape.job": None,
    "ReplayShape.results": {"quarantined": 1},
}
