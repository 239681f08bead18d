"""The operations of the gateway, for the OpenAPI document."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from receiver.platform.apis import PATHS, Api, internal
from receiver.web import gateway_examples as examples
from receiver.web.gateway import views
from receiver.web.gateway.asking import TAG
from receiver.web.gateway.names import HEADER
from receiver.web.operations import Operation
from receiver.web.shapes import PlatformFailure, ProfileFailure

_ERRORS: Final = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
#: Of a request that the platform has no words for.
_REFUSALS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
#: Of what is taken, which need not be JSON that anybody understands: the platform decides.
_ANYTHING: Final[Mapping[str, Any]] = {}


def _operation(api: Api, view: Any, name: str, shown: Mapping[str, Any], **more: Any) -> Operation:
    failure = ProfileFailure if api is Api.PROFILE_STATUS else PlatformFailure
    shapes = {HTTPStatus.OK: _ANYTHING, **dict.fromkeys(_ERRORS, failure)}
    told = {HTTPStatus.OK: shown}
    if failure is PlatformFailure:
        told |= examples.failures(internal(api))
    if "body" in more:
        shapes |= dict.fromkeys(_REFUSALS, failure)
        told |= examples.REFUSALS
    return Operation(view=view, name=name, answers=shapes, shown=told, **more)


def _posted(api: Api, view: Any, name: str, **more: Any) -> Operation:
    return _operation(
        api,
        view,
        name,
        method="post",
        headers=[HEADER, TAG],
        body=_ANYTHING,
        **more,
    )


OPERATIONS: Final[Sequence[Operation]] = (
    _posted(
        Api.MESSAGING,
        views.send,
        "sendMessages",
        path=PATHS[Api.MESSAGING],
        bodies=examples.MESSAGES,
        shown=examples.SENT,
    ),
    _operation(
        Api.STATUS,
        views.status,
        "getTransactionStatus",
        path=f"{PATHS[Api.STATUS]}<path:transid>",
        shown=examples.STATUS,
    ),
    _posted(
        Api.EVENT,
        views.trigger,
        "triggerEvents",
        path=PATHS[Api.EVENT],
        bodies=examples.EVENTS,
        shown=examples.TRIGGERED,
    ),
    _posted(
        Api.PROFILE,
        views.create_profiles,
        "createAppProfiles",
        path=f"{PATHS[Api.PROFILE]}<path:appid>",
        bodies=examples.PROFILES,
        shown=examples.CREATED,
    ),
    _operation(
        Api.PROFILE_STATUS,
        views.profile_status,
        "getProfileStatus",
        path=f"{PATHS[Api.PROFILE_STATUS]}<path:transid>",
        shown=examples.PROFILE_STATUS,
    ),
)
