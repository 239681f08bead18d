"""The hook tokens of a point: `token_local`, and what rotation adds; all but the newest end.

`token_local` is a point's for ever, so it stays in the list when it opens nothing any more.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from receiver.domain.errors import BadInputError
from receiver.store.moments import read, stamp

GRACE: Final = timedelta(days=7)
#: The token of a deleted point goes on for so long.
LAST: Final = timedelta(days=7)
MOST_OPEN: Final = 5
_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class HookToken:
    """One token, and until when it opens the hook; None is for good."""

    token: str = field(repr=False)
    until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Tell whether it opens the hook."""
        return self.until is None or now < self.until


def fresh() -> str:
    """Return a new token."""
    return secrets.token_hex(_BYTES)


def of(token_local: str, kept: Sequence[Mapping[str, Any]]) -> Sequence[HookToken]:
    """Return the tokens of a point, the newest last; `kept` is what lies in its row."""
    listed = [HookToken(each["token"], read(each["until"])) for each in kept]
    return listed or [HookToken(token_local)]


def said(tokens: Sequence[HookToken]) -> list[dict[str, Any]]:
    """Return tokens as they lie in a row, and are shown."""
    return [
        {"token": each.token, "until": stamp(each.until) if each.until else None} for each in tokens
    ]


def rotated(tokens: Sequence[HookToken], *, grace: timedelta) -> Sequence[HookToken]:
    """Return the tokens with a new one; the others go on for `grace`, or until their end.

    Raises: BadInputError where too many are open.
    """
    now = datetime.now(UTC)
    first, *others = tokens
    kept = [first, *(each for each in others if each.is_open(now))]
    if sum(each.is_open(now) for each in kept) >= MOST_OPEN:
        ends = min(each.until for each in kept if each.until and each.is_open(now))
        raise BadInputError(
            f"{MOST_OPEN} tokens open this hook already: the first of them ends at {stamp(ends)}"
        )
    return [*(replace(each, until=sooner(each.until, now + grace)) for each in kept), _new()]


def sooner(until: datetime | None, moment: datetime) -> datetime:
    """Return the earlier end; None is none."""
    return moment if until is None else min(until, moment)


def _new() -> HookToken:
    return HookToken(fresh())
