"""What the OpenAPI document shows of integration points."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

POINT_ID: Final = "b4680b1e-4f5e-7c1c-8f0a-3c1d5e7f9a21"
_HOOK: Final = "82ddc7c68623726346a78371173e2f8d"

#: A field's value by its name, or by its shape's and its name where that says otherwise.
VALUES: Final[Mapping[str, Any]] = {
    "allow_files_api": False,
    "allow_ips": ["192.0.2.0/24"],
    "allow_sha1": False,
    "comment": "",
    "ct": "2026-11-22T09:00:00.42Z",
    "disabled": False,
    "domain": "default",
    "error_code": 1404,
    "error_message": "Lookup failed",
    "href": f"/rest/v1/service/integration_points/{POINT_ID}",
    "issync": False,
    "lwt": "2026-11-22T09:00:00.42Z",
    "max_body": 1048576,
    "notifyurl": "ours",
    "platform_url": "https://api.example.com",
    "profile_key": "profile-key",
    "recv_svcscriptcode": "ws_hook",
    "recv_svcscriptcode_ws": "",
    "secret": "hub-secret",
    "send_svcscriptcode": "send_to_web",
    "send_svcscriptcode_ws": "",
    "signature": "required",
    "signature_secrets": ["hub-secret"],
    "store_text": "full",
    "timezone": "Europe/London",
    "title": "One-time passwords",
    "token": _HOOK,
    "token_local": _HOOK,
    "token_remote": "service-key",
    "token_remote2": "hub-secret",
    "type": "public",
    "url": "",
    # where the same name says something else
    "HubSecretShape.until": "2026-11-29T09:00:00.42Z",
    "IntegrationPointChange.code": "otp",
    "IntegrationPointChange.id": POINT_ID,
    "IntegrationPointShape.code": "otp",
    "IntegrationPointShape.id": POINT_ID,
    "KeptToken.until": None,
    "KeptTokenShape.until": None,
    "LinkedPoint.id": POINT_ID,
}
#: Fields that examples go without.
LEFT_OUT: Final = (
    "filter",
    "flat",
    "mask",
    "offset",
    "order",
    "tokens",
    "IntegrationPointChange.ext",
)
#: What is posted to the collection of points, by what it does.
POINTS_POSTED: Final[Mapping[str, Any]] = {
    "create": {
        "code": "otp",
        "type": "public",
        "token_remote2": "hub-secret",
        "opts": {"title": "One-time passwords", "signature": "required"},
    },
    "lookUp": _HOOK,
}
#: What an error says, by its status, where others say something else.
REFUSALS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "recv_svcscriptcode: must be one of: ws_hook, an empty text",
    HTTPStatus.FORBIDDEN: "the key lacks the scope admin",
    HTTPStatus.NOT_FOUND: "Lookup failed",
    HTTPStatus.CONFLICT: "the domain has a point with this code already",
}
