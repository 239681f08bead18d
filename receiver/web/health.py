"""Whether the process runs, and whether it can do its work: for load balancers, without a key."""

from http import HTTPStatus

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.web.auth import public
from receiver.web.rooms import rooms

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
    database = rooms().readiness.database()
    if database == "ok":
        return {"status": "ready", "parts": {"database": database}}, HTTPStatus.OK, _UNCACHED
    answer = {"status": "unready", "parts": {"database": database}}
    return answer, HTTPStatus.SERVICE_UNAVAILABLE, _UNCACHED
