"""Whether the process runs, and whether it can do its work: for load balancers, without a key."""

from http import HTTPStatus

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.web.auth import public
from receiver.web.rooms import rooms
from receiver.web.spool_watch import SpoolState

health = Blueprint("health", __name__, url_prefix="/health")
_UNCACHED = {"Cache-Control": "no-store"}


@health.get("/live")
@public
def live() -> ResponseReturnValue:
    """Say that the process answers."""
    return {"status": "live"}, HTTPStatus.OK, _UNCACHED


@health.get("/ready")
@public
def ready() -> ResponseReturnValue:
    """Say whether a notification can be made durable. 503 sends the traffic elsewhere."""
    readiness = rooms().readiness
    status = readiness.overall()
    parts = {
        "database": {"status": readiness.database()},
        "spool": _spool(readiness.spool.look()),
        "directory": {"status": readiness.directory()},
        "feed": {"lag_seconds": round(readiness.feed_lag_seconds(), 1)},
    }
    answer = {"status": status, "parts": parts}
    code = HTTPStatus.SERVICE_UNAVAILABLE if status == "unready" else HTTPStatus.OK
    return answer, code, _UNCACHED


def _spool(state: SpoolState) -> dict[str, object]:
    return {
        "status": state.status,
        "facts": state.depth.facts,
        "bytes": state.depth.bytes,
        "oldest_seconds": state.oldest_seconds,
        "damaged": state.depth.damaged,
    }
