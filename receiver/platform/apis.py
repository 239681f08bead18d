"""The platform's own APIs as they are called: their codes, and the envelopes of their failures.

Source: CONTRACT.md 5 (messaging), 6 (events; which code means what where), 7 (app profiles).
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Api(StrEnum):
    """One of them."""

    MESSAGING = "messaging"
    STATUS = "status"
    EVENT = "event"
    PROFILE = "profile"
    PROFILE_STATUS = "profile_status"


class Code(StrEnum):
    """What it answers where it takes nothing."""

    INVALID_JSON = "7000"
    AUTHENTICATION = "7001"
    NO_KEY = "7002"
    INVALID_VALUE = "7004"
    EVENT_INTERNAL = "7005"
    INTERNAL = "7006"
    INACTIVE = "7007"
    TOO_MANY = "7009"
    TOO_LARGE = "7022"
    INVALID_XML = "7027"


#: In the platform's words.
TEXTS: Final[Mapping[Code, str]] = {
    Code.INVALID_JSON: "Invalid JSON",
    Code.AUTHENTICATION: "Authentication failed",
    Code.NO_KEY: "Service Key Missing",
    Code.INVALID_VALUE: "Invalid parameters/values",
    Code.EVENT_INTERNAL: "Internal error occurred",
    Code.INTERNAL: "Internal error occurred",
    Code.INACTIVE: "Service is inactive",
    Code.TOO_MANY: "Maximum number of destinations exceeded",
    Code.TOO_LARGE: "JSON size exceeds the limit",
    Code.INVALID_XML: "Invalid XML",
}
#: Where each is, below the platform's address; what is asked about follows.
PATHS: Final[Mapping[Api, str]] = {
    Api.STATUS: "/resources/v1/messaging/status/",
    Api.MESSAGING: "/resources/v1/messaging",
    Api.EVENT: "/resources/v1/events/externalevent/",
    Api.PROFILE: "/resources/v2/customerappprofile/",
    Api.PROFILE_STATUS: "/resources/v2/profile/status/",
}
#: How all of them begin.
ROOT: Final = "/resources/"
#: Those that are about app profiles, and need the profile key.
OF_PROFILES: Final = frozenset({Api.PROFILE, Api.PROFILE_STATUS})


def api_of(path: str) -> Api:
    """Return which of them a path is of; the messaging API speaks for what there is not."""
    return next((api for api, start in PATHS.items() if path.startswith(start)), Api.MESSAGING)


def internal(api: Api) -> Code:
    """Return the code of trouble that is not the caller's."""
    return Code.EVENT_INTERNAL if api is Api.EVENT else Code.INTERNAL


def failure(api: Api, code: Code, transid: str, detail: str = "") -> bytes:
    """Return the body by which the platform says that it took nothing."""
    said = {
        "code": code.value,
        "description": f"{TEXTS[code]}: {detail}" if detail else TEXTS[code],
        "transid": transid,
    }
    flat = api is Api.PROFILE_STATUS  # as its successes are
    return json.dumps(said if flat else {"response": said}).encode()
