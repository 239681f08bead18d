"""Whether it runs, can do its work, and whether there is any: for load balancers, and alarms."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.diagnosis import FEWEST_DAYS_AHEAD
from receiver.store.directory import QUESTION_SECONDS as DIRECTORY_SECONDS
from receiver.store.traffic import Flow
from receiver.web.auth import current_reader, public, requires
from receiver.web.deadlines import QUESTION_SECONDS
from receiver.web.readiness import Readiness
from receiver.web.rooms import rooms
from receiver.web.spool_watch import SpoolState
from receiver.web.times import utc_or_none
from receiver.web.vitals import Part, Vitals, seen_by

#: Of the connections that a server lets in; past it the next ones may find no room.
MOST_CONNECTED: Final = 0.9
_UNCACHED: Final = {"Cache-Control": "no-store"}

health = Blueprint("health", __name__, url_prefix="/health")


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
        "database": _database(readiness),
        "spool": _spool(readiness.spool.look()) | _timed(readiness.spool.took_seconds),
        "directory": {"status": readiness.directory()}
        | _timed(readiness.directory_seconds, DIRECTORY_SECONDS),
        "feed": {"lag_seconds": round(readiness.feed_lag_seconds(), 1)},
    }
    return {"status": status, "parts": parts}, _code(status != "unready"), _UNCACHED


@health.get("/database")
@requires("read")
def database() -> ResponseReturnValue:
    """Say how Postgres is. 503 where it can't commit: a reason to alarm, never to end an instance.

    `degraded` is 200: it commits, and somebody should look after one of its parts.
    """
    here = rooms()
    commits, vitals = here.readiness.database(), here.vitals.look()
    parts: Mapping[str, dict[str, object]] = {
        "commit": _database(here.readiness),
        "feed": {"lag_seconds": round(here.readiness.feed_lag_seconds(), 1)},
        "partitions": _partitions(vitals),
        "worker": _worker(vitals),
        "connections": _connections(vitals),
    }
    is_well = all(part.get("status", "ok") == "ok" for part in parts.values())
    status = "down" if commits != "ok" else "ok" if is_well else "degraded"
    return {"status": status, "parts": parts}, _code(commits == "ok"), _UNCACHED


@health.get("/flow")
@requires("read")
def flow() -> ResponseReturnValue:
    """Say whether receipts come for what is sent. 503 where none do: for alarms, not for balancers.

    Of the points that the key is good for. `silent` is one with sends that the platform accepted
    and has not reported on for RECEIVER_SILENCE, while no receipt of any other came either.
    """
    here, key = rooms(), current_reader()
    told = here.vitals.look().flows
    seen = seen_by(key, told.value or ())
    is_silent = any(each.waiting for each in seen)
    status = "silent" if is_silent else "flowing" if seen else "idle"
    answer = {
        "status": status if told.value is not None else "unknown",
        **_timed(told.took_seconds),
        "silence_seconds": int(here.settings.silence.total_seconds()),
        "points": [_flow(each) for each in seen],
    }
    return answer, _code(answer["status"] in {"flowing", "idle"}), _UNCACHED


def _code(is_well: bool) -> HTTPStatus:  # noqa: FBT001
    return HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE


def _timed(seconds: float, timeout_seconds: float = QUESTION_SECONDS) -> dict[str, object]:
    """Return how long it took to find out, and how long it may take."""
    return {"ms": round(seconds * 1000, 1), "timeout_ms": int(timeout_seconds * 1000)}


def _database(readiness: Readiness) -> dict[str, object]:
    return {"status": readiness.database()} | _timed(readiness.database_seconds)


def _spool(state: SpoolState) -> dict[str, object]:
    return {
        "status": state.status,
        "facts": state.depth.facts,
        "bytes": state.depth.bytes,
        "oldest_seconds": state.oldest_seconds,
        "damaged": state.depth.damaged,
    }


def _part(part: Part[Any], status: str, **told: object) -> dict[str, object]:
    known = "unknown" if part.value is None else status
    return {"status": known} | told | _timed(part.took_seconds)


def _partitions(vitals: Vitals) -> dict[str, object]:
    days = vitals.days_ahead.value
    status = "ok" if days is not None and days >= FEWEST_DAYS_AHEAD else "short"
    return _part(vitals.days_ahead, status, days_ahead=days)


def _worker(vitals: Vitals) -> dict[str, object]:
    return _part(vitals.worker, "ok" if vitals.worker.value else "absent")


def _connections(vitals: Vitals) -> dict[str, object]:
    found = vitals.connections.value
    by_state: Mapping[str, int] = found.by_state if found else {}
    is_crowded = found is not None and sum(by_state.values()) >= MOST_CONNECTED * found.most
    status = "crowded" if is_crowded else "ok"
    return _part(vitals.connections, status, by_state=by_state, most=found and found.most)


def _flow(flow: Flow) -> dict[str, object]:
    return {
        "point": {"id": str(flow.point_id), "code": flow.code} if flow.point_id else None,
        "status": "silent" if flow.waiting else "flowing",
        "waiting": flow.waiting,
        "since": utc_or_none(flow.since),
    }
