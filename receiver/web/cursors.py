"""Cursors of lists: opaque, safe in URLs, and good for the query that they came from only."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from receiver.web.json_input import bad

_FINGERPRINT_CHARACTERS: Final = 12
_BIGGEST: Final = 2**63 - 1


def encode(place: Sequence[int | str], *, query: Mapping[str, Any]) -> str:
    """Return the cursor of a place in the answer to `query`."""
    text = json.dumps([_fingerprint(query), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, *types: type, name: str, query: Mapping[str, Any]) -> list[Any]:
    """Return the place that a cursor stands for, its parts being of `types`.

    Raises: BadInputError naming the parameter `name`.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise bad(name, "is none of ours") from None
    if not isinstance(parts, list) or [type(part) for part in parts] != [str, *types]:
        raise bad(name, "is none of ours")
    if any(isinstance(part, int) and abs(part) > _BIGGEST for part in parts):
        raise bad(name, "is none of ours")
    if parts[0] != _fingerprint(query):
        raise bad(name, "belongs to another query")
    return parts[1:]


def moment(place: Sequence[Any], *, name: str) -> tuple[datetime, UUID]:
    """Return the time and id that a place is made of. Raises: BadInputError naming `name`."""
    try:
        return datetime.fromisoformat(place[0]).astimezone(UTC), UUID(place[1])
    except (ValueError, OverflowError):
        raise bad(name, "is none of ours") from None


def _fingerprint(query: Mapping[str, Any]) -> str:
    canonical = json.dumps(query, sort_keys=True, default=str).encode()
    return hashlib.sha256(canonical).hexdigest()[:_FINGERPRINT_CHARACTERS]
