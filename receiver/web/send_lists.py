"""Many sends: by what they have in common, or by a list of their names."""

from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Row
from sqlalchemy.orm import Session

from receiver.platform.storable import storable
from receiver.store import sends
from receiver.store.reading import reading
from receiver.store.sends import SoughtSends
from receiver.web import lists
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, finish_posted, polled
from receiver.web.json_input import load, read_json
from receiver.web.lists import Fetched
from receiver.web.queries import LookupSchema, SendsQuery, read_page
from receiver.web.rooms import rooms
from receiver.web.shapes import SendItem
from receiver.web.shown_sends import Json, send_item

SENDS_QUERY: Final = SendsQuery()
LOOKUP: Final = LookupSchema()

send_lists = Blueprint("send_lists", __name__, url_prefix="/api/v1")
send_lists.after_request(finish)


@send_lists.get("/sends")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return sends, the newest first, orphans among them."""
    return _answer()


@send_lists.post("/sends/search")
@requires("read")
def search() -> ResponseReturnValue:
    """Return what the list of sends holds, asked for in a body: no number is part of a URL."""
    return finish_posted(_answer())


@send_lists.post("/sends/lookup")
@requires("read")
def look_up() -> ResponseReturnValue:
    """Return for each of many transids, in their order, its send, or null where none is known."""
    key = current_key()
    transids = load(LOOKUP, read_json(rooms().intake, request))["transids"]
    with reading(rooms().engine) as session:
        found = sends.named(
            session,
            [storable(transid) for transid in transids],
            domain=key.domain,
            point_ids=key.point_ids,
        )
        known = {row.transid: row for row in found if row is not None}
        items = _items(session, list(known.values()), key.domain)
    shown = dict(zip(known, items, strict=True))
    answer = jsonify({"items": [None if row is None else shown[row.transid] for row in found]})
    return finish_posted(answer)


def _answer() -> Response:
    key = current_key()
    page = read_page(SENDS_QUERY, key)
    sought, engine = SoughtSends(**page.sought), rooms().engine

    def fetch(place: Sequence[int] | None, limit: int) -> Fetched:
        with reading(engine) as session:
            rows = sends.newest(
                session,
                sought,
                domain=key.domain,
                point_ids=key.point_ids,
                before=place[0] if place else None,
                limit=limit + 1,
            )
            items = _items(session, rows[:limit], key.domain)
        return items, [rows[limit - 1].seq] if len(rows) > limit else None

    return lists.answer(page, fetch, item=SendItem, place=[int])


def _items(session: Session, rows: Sequence[Row[Any]], domain: str) -> Sequence[Json]:
    counts = sends.outcomes(session, [row.seq for row in rows])
    codes = sends.point_codes(session, {row.point_id for row in rows})
    return [send_item(row, counts.get(row.seq, {}), codes) for row in rows]
