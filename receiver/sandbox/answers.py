"""Envelopes and texts of the platform's answers.

Source: CONTRACT.md 5 to 7 (envelopes, codes). Answers are HTTP 200, whatever their code (9.24), and
what refuses a whole request is one object, where what is taken is a list.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

QUEUED: Final = "1001"
#: By code, where an API has no words of its own.
_TEXTS: Final[Mapping[str, str]] = {
    "1000": "Queued",
    "1001": "Queued",
    "1002": "Queued",
    "7000": "Invalid JSON",
    "7001": "Authentication failed",
    "7002": "Service key missing",
    "7005": "Request expired",
    "7006": "Internal error occurred",
    "7007": "Service inactive",
    "7009": "Maximum number of destinations exceeded (1000)",
    "7010": "Source IP is not white listed",
    "7020": "You have reached maximum transaction limit (rate).",
    "7022": "JSON size exceeded",
    "7027": "Invalid XML",
    "7600": "No result found",
}
MESSAGING: Final = _TEXTS
EVENTS: Final[Mapping[str, str]] = ChainMap(
    {
        "7004": "invalid value for param evtid",
        "7005": "Internal error occurred",
        "7010": "Source IP is not allowlisted",
        "7019": "Request expired",
        "7025": "mandatory parameter name missing",
    },
    dict(_TEXTS),
)
PROFILES: Final[Mapping[str, str]] = ChainMap(
    {
        "7002": "Service Key Missing",
        "7015": "customer already exists",
        "7018": "invalid app profile or app profile is not linked to this client",
    },
    dict(_TEXTS),
)

Entry = dict[str, Any]


def new_transid() -> str:
    """Return an id as the platform makes them."""
    return str(uuid4())


def transid_at(base: str, index: int) -> str:
    """Return the id of one part of a request: the first bare, the others numbered."""
    return f"{base}_{index}" if index else base


def entry(code: str, description: str, transid: str, correlationid: str | None = None) -> Entry:
    """Return one part of an answer."""
    said = {"code": code, "description": description, "transid": transid}
    return said if correlationid is None else {**said, "correlationid": correlationid}


def enveloped(response: Entry | Sequence[Entry]) -> dict[str, Any]:
    """Return a whole answer."""
    return {"response": response}
