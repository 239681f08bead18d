"""Integration points, as their platform's neighbours ask for them. Source: CONTRACT.md 8."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from receiver.domain.errors import ForbiddenError, NotFoundError
from receiver.store import audit, entities
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.administration import Desk
from receiver.store.entities import Entity
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web.auth import current_key, requires
from receiver.web.errors import JSON_UTF8
from receiver.web.json_input import bad, load, read_json
from receiver.web.point_queries import PointQuery, PointsQuery, chosen, masked, part
from receiver.web.point_schemas import CHANGE, NEW
from receiver.web.queries import read_query
from receiver.web.rooms import rooms

POINTS_QUERY: Final = PointsQuery()
POINT_QUERY: Final = PointQuery()
OVERRIDE: Final = "X-HTTP-Method-Override"
LOOKUP: Final = "LOOKUP"
NOTE: Final = "Receiver-Note"
#: Fields that are kept for what is not there yet, with what they are as long as nobody uses it.
_WAITING: Final[Mapping[str, Any]] = {
    "url": "",
    "opts.issync": False,
}

points = Blueprint("points", __name__, url_prefix="/rest/v1/service")


@points.after_request
def finish(response: Response) -> Response:
    """Let nobody keep what holds secrets."""
    response.headers["Cache-Control"] = "private, no-store"
    if response.is_json:
        response.content_type = JSON_UTF8
    return response


@points.post("/integration_points")
@requires("admin")
def create() -> ResponseReturnValue:
    """Make a point; with `X-HTTP-Method-Override: LOOKUP` look one up instead.

    A look-up takes a text, and returns the ids of the points whose id, code or token it is. A key
    that is narrowed to points makes none. Fields that are kept and not acted on yet are named in
    `Receiver-Note`.
    """
    override = request.headers.get(OVERRIDE)
    if override is not None:
        return _overridden(override)
    key = current_key()
    given = load(NEW, read_json(rooms().intake, request))
    if key.point_ids:
        raise ForbiddenError("the key is narrowed to points: it makes no new ones")
    with writing(rooms().engine) as session:
        entity = entities.shown(_desk(session).create(given, domain=key.domain), rooms().sealing)
    return _answer(entity)


@points.get("/integration_points")
@requires("admin")
def index() -> ResponseReturnValue:
    """Return the points that the key may see, the oldest first."""
    asked = read_query(POINTS_QUERY)
    _check_mask(asked)
    key = current_key()
    with reading(rooms().engine) as session:
        rows = entities.rows(session, domain=key.domain, point_ids=key.point_ids)
        found = [entities.shown(row, rooms().sealing) for row in rows]
    return jsonify([part(entity, asked, listed=True) for entity in chosen(found, asked)])


@points.get("/integration_points/<id_>")
@requires("admin")
def show(id_: str) -> ResponseReturnValue:
    """Return one point."""
    asked = read_query(POINT_QUERY)
    _check_mask(asked)
    with reading(rooms().engine) as session:
        entity = entities.shown(_row(session, id_), rooms().sealing)
    return _answer(entity, part(entity, asked))


@points.patch("/integration_points/<id_>")
@requires("admin")
def update(id_: str) -> ResponseReturnValue:
    """Change a point, and return it. What is not given stays, also among the options.

    Null takes an option away. The whole entity will do, where nothing in it differs that is
    read-only: `id`, `token_local`, `opts.tokens`, `ext`.
    """
    given = load(CHANGE, read_json(rooms().intake, request))
    with writing(rooms().engine) as session:
        row = _row(session, id_, lock=True)
        _desk(session).change(row, given)
        entity = entities.shown(row, rooms().sealing)
    return _answer(entity)


@points.delete("/integration_points/<id_>")
@requires("admin")
def delete(id_: str) -> ResponseReturnValue:
    """Delete a point. Its hook goes on accepting for 7 days."""
    with writing(rooms().engine) as session:
        _desk(session).delete(_row(session, id_, lock=True))
    return "", HTTPStatus.NO_CONTENT


@points.route("/integration_points", methods=[LOOKUP])
@requires("admin")
def look_up() -> ResponseReturnValue:
    """Return the ids of the points whose id, code or hook token a text is."""
    wanted = read_json(rooms().intake, request)
    if not isinstance(wanted, str):
        raise bad("body", 'must be a JSON text: an id, code or token, like "otp"')
    key = current_key()
    with reading(rooms().engine) as session:
        rows = entities.rows(session, domain=key.domain, point_ids=key.point_ids)
        ids = [
            str(row.id)
            for row in rows
            if wanted in (str(row.id), row.code) or entities.opens(row, wanted)
        ]
    if not ids:
        raise NotFoundError("Lookup failed")
    return jsonify(ids)


@points.get("/integration_tokens/<token>")
@requires("admin")
def show_token(token: str) -> ResponseReturnValue:
    """Return the point whose hook a token opens."""
    key = current_key()
    with reading(rooms().engine) as session:
        rows = entities.rows(session, domain=key.domain, point_ids=key.point_ids)
        found = next((row for row in rows if entities.opens(row, token)), None)
        if found is None:
            raise NotFoundError("Token not found")
        id_ = str(found.id)
    href = f"{points.url_prefix}/integration_points/{id_}"
    point = {"id": id_, "_links": {"self": {"href": href}}}
    return {"domain": key.domain, "integration_point": point}


def _overridden(method: str) -> ResponseReturnValue:
    if method.strip().upper() != LOOKUP:
        raise bad(OVERRIDE, f"must be {LOOKUP}")
    return look_up()


def _row(session: Session, id_: str, *, lock: bool = False) -> IntegrationPoint:
    """Return a point that the key may see. Raises NotFoundError."""
    key = current_key()
    try:
        parsed = UUID(id_)
    except ValueError:
        raise NotFoundError("there is no such integration point") from None
    return entities.get(session, parsed, domain=key.domain, point_ids=key.point_ids, lock=lock)


def _desk(session: Session) -> Desk:
    return Desk(session=session, who=audit.by_key(current_key()), sealing=rooms().sealing)


def _check_mask(asked: Mapping[str, Any]) -> None:
    """Refuse a wrong mask, whatever there is to be shown."""
    if "mask" in asked:
        masked(asked["mask"])


def _answer(entity: Entity, shown: Entity | None = None) -> Response:
    """Return a point, and say what is kept of it and not acted on yet."""
    response = jsonify(entity if shown is None else shown)
    known = entities.flat(entity)
    waiting = [name for name, unused in _WAITING.items() if known.get(name, unused) != unused]
    if waiting:
        response.headers[NOTE] = f"kept, and not acted on yet: {', '.join(waiting)}"
    return response
