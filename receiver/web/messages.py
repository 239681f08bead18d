"""Messages: what customers wrote."""

from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from receiver.domain.errors import NotFoundError
from receiver.platform.storable import storable
from receiver.store import messages as stored
from receiver.store import sends
from receiver.store.messages import Place, Sought
from receiver.store.reading import reading
from receiver.web import cursors
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish
from receiver.web.queries import MessagesQuery, Page, TidQuery, read_page
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Codes, point_item
from receiver.web.times import utc, utc_or_none
from receiver.web.veil import Clear, veil

MESSAGES_QUERY: Final = MessagesQuery()
TID_QUERY: Final = TidQuery()

messages = Blueprint("messages", __name__, url_prefix="/api/v1")
messages.after_request(finish)


@messages.get("/messages")
@requires("read")
def index() -> ResponseReturnValue:
    """Return messages, the newest first."""
    page = read_page(MESSAGES_QUERY, current_key())
    return _answer(page, Sought(**page.sought))


@messages.get("/messages/<path:tid>")
@requires("read")
def show(tid: str) -> ResponseReturnValue:
    """Return the messages with one tid, which need not be one. 404 where there is none."""
    page = read_page(TID_QUERY, current_key())
    return _answer(page, Sought(tid=storable(tid.rstrip("/"))), is_one=page.cursor is None)


def _answer(page: Page, sought: Sought, *, is_one: bool = False) -> ResponseReturnValue:
    key = current_key()
    with reading(rooms().engine) as session:
        rows = stored.newest(
            session,
            sought,
            domain=key.domain,
            point_ids=key.point_ids,
            before=_place(page),
            limit=page.limit + 1,
        )
        codes = sends.point_codes(session, {row.point_id for row in rows})
    if is_one and not rows:
        raise NotFoundError("no message has this tid")
    items = [_item(row, codes, veil()) for row in rows[: page.limit]]
    if len(rows) <= page.limit:
        return page.answer(items, None)
    last = rows[page.limit - 1]
    return page.answer(items, [utc(last.accepted_at), str(last.id)])


def _place(page: Page) -> Place | None:
    place = page.place(str, str)
    return None if place is None else cursors.moment(place, name="cursor")


def _item(row: Row[Any], codes: Codes, veil: Clear) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "tid": row.tid,
        "accepted_at": utc(row.accepted_at),
        "provider_at": utc_or_none(row.provider_at),
        "provider_at_raw": row.provider_at_raw,
        "zone_assumed": row.zone_assumed,
        "point": point_item(row.point_id, codes),
        "channel": row.channel,
        "kind": row.kind,
        "name": row.name,
        "from": veil.address(row.sender),
        "to": veil.remark(row.recipient),
        "text": veil.words(row.text),
        "subject": veil.words(row.subject),
        "attachments": veil.structure(row.attachments),
        "details": veil.structure(row.details),
        "quoted": veil.remark(row.quoted),
        "correlationid": row.correlationid,
    }
