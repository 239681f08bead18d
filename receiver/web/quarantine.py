"""The quarantine, for administrators: what was not taken, why, and taking it after all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy import Row

from receiver.domain.errors import ConflictError
from receiver.store import audit, sends
from receiver.store import quarantine as stored
from receiver.store.fitness import connect_for_facts
from receiver.store.quarantine import State
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web import cursors, quarantine_acts
from receiver.web.arrival_lists import excerpt_of, place_of
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish
from receiver.web.jobs import job_item
from receiver.web.json_input import bad, load, read_json
from receiver.web.quarantine_acts import DISCARDING, REPLAYING, Actor, Site, group_item, item
from receiver.web.quarantine_queries import (
    DiscardManySchema,
    QuarantineQuery,
    ReplayManySchema,
    ReplaySchema,
    Selection,
    sought_of,
)
from receiver.web.queries import Page, check_points, read_page
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Codes
from receiver.web.times import read_time, utc

QUARANTINE_QUERY: Final = QuarantineQuery()
REPLAY: Final = ReplaySchema()
REPLAY_MANY: Final = ReplayManySchema()
DISCARD_MANY: Final = DiscardManySchema()

quarantine = Blueprint("quarantine", __name__, url_prefix="/api/v1")
quarantine.after_request(finish)


@quarantine.get("/quarantine")
@requires("admin")
def index() -> ResponseReturnValue:
    """Return what could not be taken, the newest first; or how many of each kind.

    With `group=shape`: by reason, point and shape, the `limit` most frequent, on one page.
    """
    page = read_page(QUARANTINE_QUERY, current_key())
    if "group" in page.sought:
        return _groups(page)
    place = page.place(str, str)
    with reading(rooms().engine) as session:
        excerpt = excerpt_of(page, current_key(), place, page.limit + 1)
        rows = stored.newest(session, sought_of(page.sought), excerpt)
        shown = rows[: page.limit]
        codes = sends.point_codes(session, {row.point_id for row in shown})
    items = [item(row, codes) for row in shown]
    return page.answer(items, place_of(shown[-1]) if len(rows) > len(shown) else None)


def _groups(page: Page) -> ResponseReturnValue:
    if page.cursor is not None:
        raise bad("cursor", "is not for groups: they come on one page")
    with reading(rooms().engine) as session:
        excerpt = excerpt_of(page, current_key(), None, page.limit)
        rows = stored.groups(session, sought_of(page.sought), excerpt)
        codes = sends.point_codes(session, {row.point_id for row in rows})
    return page.answer([group_item(row, codes) for row in rows], None)


@quarantine.get("/quarantine/<id>")
@requires("admin")
def show(id: str) -> ResponseReturnValue:  # noqa: A002  its name in the path
    """Return one of them with its body as it came, which the audit log tells of."""
    row, codes = _get(id)
    return quarantine_acts.opened(rooms().engine, row, codes, _actor())


@quarantine.post("/quarantine/<id>/replay")
@requires("admin")
def replay(id: str) -> ResponseReturnValue:  # noqa: A002
    """Read one as if it came now, and say what each of its notifications became.

    The state stays as it is where it is still not understood, or not let in by today's addresses
    and secrets; `trust` lets it in. Replaying twice is harmless.
    """
    trust = load(REPLAY, read_json(rooms().intake, request, may_be_empty=True))["trust"]
    row, _ = _get(id)
    return quarantine_acts.replay(_site(), row, _actor(), trust=trust)


@quarantine.post("/quarantine/<id>/discard")
@requires("admin")
def discard(id: str) -> ResponseReturnValue:  # noqa: A002
    """Say that one needs nothing more. Its bytes stay until they are too old to be kept."""
    row, codes = _get(id)
    quarantine_acts.discard(rooms().engine, row, _actor())
    return {**item(row, codes), "state": State.DISCARDED}


@quarantine.post("/quarantine/replay")
@requires("admin")
def replay_many() -> ResponseReturnValue:
    """Count what would be replayed; with the `confirm` of that answer begin a job that does it.

    The job takes what was counted, and nothing that came since.
    """
    return _many(REPLAYING, REPLAY_MANY)


@quarantine.post("/quarantine/discard")
@requires("admin")
def discard_many() -> ResponseReturnValue:
    """Count what would be discarded; with the `confirm` of that answer begin a job that does it.

    What is replayed meanwhile stays replayed.
    """
    return _many(DISCARDING, DISCARD_MANY)


def _many(kind: str, schema: Schema) -> ResponseReturnValue:
    given = load(schema, read_json(rooms().intake, request))
    check_points(given.get("point", ()), current_key())
    confirm = given.pop("confirm", None)
    if confirm is None:
        return _counted(kind, given)
    job = _confirmed(kind, given, confirm)
    return job, HTTPStatus.ACCEPTED, {"Location": f"/api/v1/jobs/{job['id']}"}


def _counted(kind: str, given: dict[str, Any]) -> ResponseReturnValue:
    now = datetime.now(UTC)
    until = min(given.get("until", now), now)
    selection = Selection.of({**given, "until": until})
    count = quarantine_acts.count(rooms().engine, kind, selection, _actor())
    confirm = cursors.encode([count, utc(until)], query=_bound(kind, given)) if count else None
    return {"count": count, "until": utc(until), "confirm": confirm}


def _confirmed(kind: str, given: dict[str, Any], confirm: str) -> dict[str, Any]:
    counted, until = cursors.decode(confirm, int, str, name="confirm", query=_bound(kind, given))
    selection = Selection.of({**given, "until": _moment(until)})
    count = quarantine_acts.count(rooms().engine, kind, selection, _actor())
    if count != counted:
        raise ConflictError(f"there are {count} by now, not {counted}: count them again")
    with writing(rooms().engine) as session:
        return job_item(quarantine_acts.begin_job(session, kind, selection, count, _actor()))


def _moment(text: str) -> datetime:
    try:
        return read_time(text)
    except ValueError:
        raise bad("confirm", "is none of ours") from None


def _bound(kind: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a confirmation is bound to."""
    key = current_key()
    points = sorted(map(str, key.point_ids))
    return {"kind": kind, "domain": key.domain, "points": points, **given}


def _site() -> Site:
    """Return where to replay. Not over the writer: what it refuses must not keep others waiting."""
    here = rooms()
    url = here.settings.database_url
    return Site(here.engine, here.replayer, partial(connect_for_facts, url))


def _get(id_: str) -> tuple[Row[Any], Codes]:
    """Return a fact that the key may see, and its point's code. Raises: NotFoundError."""
    with reading(rooms().engine) as session:
        row = quarantine_acts.get(session, id_, _actor())
        return row, sends.point_codes(session, {row.point_id})


def _actor() -> Actor:
    key = current_key()
    return Actor(who=audit.by_key(key), domain=key.domain, point_ids=key.point_ids)
