"""The secrets that a point's notifications are signed with, the newest first.

One that is replaced may go on for a while, until its end.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from receiver.sealing import Sealer
from receiver.store import moments
from receiver.store import sealed as sealed_texts

COLUMN: Final = "signature_secrets"
Said = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class HubSecret:
    """One secret, and until when what it signs is taken; None is for good."""

    secret: str = field(repr=False)
    until: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Tell whether what it signs is taken."""
        return self.until is None or now < self.until


def seal(secrets: Sequence[HubSecret], point_id: UUID, sealer: Sealer) -> bytes | None:
    """Return what to keep of the secrets; nothing of none."""
    plain = json.dumps(said(secrets)) if secrets else ""
    return sealed_texts.seal(COLUMN, plain, point_id, sealer)


def opened(sealed: bytes | None, point_id: UUID, sealer: Sealer) -> Sequence[HubSecret]:
    """Return the secrets, past ones too. Raises SealedError where our keys don't open them."""
    return parse(sealed_texts.opened(COLUMN, sealed, point_id, sealer))


def parse(plain: str) -> Sequence[HubSecret]:
    """Return the secrets of a column that is opened."""
    return [read(each) for each in json.loads(plain or "[]")]


def good(secrets: Sequence[HubSecret]) -> Sequence[HubSecret]:
    """Return those that are taken now."""
    now = datetime.now(UTC)
    return [each for each in secrets if each.is_good(now)]


def said(secrets: Sequence[HubSecret]) -> list[Said]:
    """Return secrets as they are kept, and shown: a text lasts, an object has an end."""
    return [
        {"secret": each.secret, "until": moments.stamp(each.until)} if each.until else each.secret
        for each in secrets
    ]


def read(said: Said) -> HubSecret:
    """Return what is said of one secret."""
    if isinstance(said, str):
        return HubSecret(said)
    return HubSecret(said["secret"], moments.read(said["until"]))
