"""Calls to the platform: where it is, and what it is asked on our own account.

Source: CONTRACT.md 5 (transaction status).
"""

from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

from receiver.domain.errors import BadInputError
from receiver.platform.apis import PATHS, Api
from receiver.platform.lines import Call, CallError, ask

TOTAL_SECONDS: Final = 10.0
MOST_BYTES: Final = 1 << 20
_LONGEST_URL: Final = 500
_LONGEST_KEY: Final = 4096


class Heard(Struct, frozen=True):
    """What came back."""

    http: int
    body: bytes
    retry_after_seconds: float | None


def checked_url(text: str) -> str:
    """Return the address of a platform without a slash at its end.

    Raises: BadInputError for what is no plain http or https address.
    """
    fault = "must be like https://api.example.com, without user, query or fragment"
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        good = False
    printable = text.isascii() and text.isprintable() and " " not in text
    if not (good and printable and len(text) <= _LONGEST_URL) or {"@", "?", "#"} & set(text):
        raise BadInputError(f"platform_url {fault}", fields={"platform_url": [fault]})
    return text.rstrip("/")


def checked_key(text: str) -> str:
    """Return a service key as a header can carry it. Raises BadInputError."""
    key = text.strip()
    if not (key and key.isascii() and key.isprintable() and len(key) <= _LONGEST_KEY):
        fault = "must be one line of plain characters"
        raise BadInputError(f"the platform's key {fault}", fields={"token_remote": [fault]})
    return key


def ask_status(
    platform_url: str,
    key: str,
    transid: str,
    *,
    total_seconds: float = TOTAL_SECONDS,
    private: bool = True,
) -> Heard:
    """Ask for the status of a transaction, of a private address only where that is allowed.

    Raises: CallError, which names neither key nor transid.
    """
    try:
        url = checked_url(platform_url) + PATHS[Api.STATUS] + quote(transid, safe="")
        headers = {"key": checked_key(key), "Accept": "application/json", "User-Agent": "receiver"}
    except BadInputError as error:
        raise CallError(str(error)) from error
    call = Call(method="GET", url=url, headers=headers)
    answer = ask(call, total_seconds=total_seconds, most_bytes=MOST_BYTES, private=private)
    return Heard(answer.http, answer.body, _seconds(answer.header("Retry-After")))


def _seconds(retry_after: str) -> float | None:
    given = retry_after.strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) <= 6 else None  # noqa: PLR2004
