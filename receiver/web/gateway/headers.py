"""Headers of a call: where our key is in it, and which of them go on to the platform."""

from collections.abc import Mapping
from typing import Final

from flask import request

from receiver.platform.apis import OF_PROFILES, Api, Code
from receiver.web.gateway.refusals import RefusedError

KEY: Final = "key"
#: Another name of the same, where profiles are asked for.
PROFILE_KEY: Final = "secretKey"
_KEYS: Final = (KEY, PROFILE_KEY)
_BEARER: Final = "bearer "
#: Those of one line, of the way to us, and what is said to us alone.
_HELD_BACK: Final = frozenset(
    {
        *("host", "content-length", "content-encoding", "connection", "keep-alive", "te"),
        *("transfer-encoding", "trailer", "upgrade", "expect", "proxy-authorization"),
        *("proxy-connection", "accept-encoding", "forwarded", "via", "x-real-ip"),
        *("authorization", "cookie", "idempotency-key", "x-tag", KEY, PROFILE_KEY.lower()),
    }
)
_HELD_BACK_PREFIX: Final = "x-forwarded-"


def given_key() -> str:
    """Return the API key of this request. Raises: RefusedError where there is none."""
    named = (request.headers.get(name, "").strip() for name in _KEYS)
    bearer = request.headers.get("Authorization", "").strip()
    if bearer.lower().startswith(_BEARER):
        bearer = bearer[len(_BEARER) :].strip()
    found = next(filter(None, named), bearer)
    if not found:
        raise RefusedError(Code.NO_KEY)
    return found


def passed_on(api: Api, key: str) -> Mapping[str, str]:
    """Return the headers of this request as they go on, with the platform's key for ours."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _HELD_BACK and not name.lower().startswith(_HELD_BACK_PREFIX)
    }
    if request.method == "POST":
        headers.setdefault("Content-Type", "application/json")
    is_other = api in OF_PROFILES and PROFILE_KEY in request.headers
    return {**headers, PROFILE_KEY if is_other else KEY: key}
