"""Conversations: what was sent to a number, and what came from it."""

from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from receiver.domain.status import BY_RANK, UNKNOWN
from receiver.store import conversations as stored
from receiver.store import sends
from receiver.store.arrivals import Excerpt
from receiver.store.conversations import Line, Place, Sought
from receiver.store.reading import reading
from receiver.store.sends import shown_transid
from receiver.web import cursors
from receiver.web.auth import current_key, requires
from receiver.web.fields import Numbers
from receiver.web.freshness import finish_posted
from receiver.web.queries import ListQuery, Page, read_page
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Codes, Json, point_item
from receiver.web.times import utc
from receiver.web.veil import Clear, veil


class ConversationQuery(ListQuery):
    """Whose conversation is wanted, with which of our senders, and which page of it."""

    number = Numbers(required=True)
    ours = Numbers(data_key="with")


CONVERSATION_QUERY: Final = ConversationQuery()

conversations = Blueprint("conversations", __name__, url_prefix="/api/v1")
conversations.after_request(finish_posted)


@conversations.post("/conversations")
@requires("read")
def search() -> ResponseReturnValue:
    """Return what was sent to a number and what came from it, the newest first."""
    key = current_key()
    page = read_page(CONVERSATION_QUERY, key)
    sought = Sought(keys=page.sought["number"], ours=page.sought.get("ours", ()))
    excerpt = Excerpt(
        domain=key.domain,
        point_ids=key.point_ids,
        since=page.sought.get("since"),
        until=page.sought.get("until"),
        limit=page.limit,
    )
    with reading(rooms().engine) as session:
        lines, rest = stored.newest(session, sought, after=_place(page), excerpt=excerpt)
        codes = sends.point_codes(session, {line.row.point_id for line in lines})
    items = [_item(line, codes, veil()) for line in lines]
    return page.answer(items, _cursor(rest) if rest else None)


def _place(page: Page) -> Place | None:
    place = page.place(int, str, str)
    return Place(place[0], cursors.moment(place[1:], name="cursor")) if place else None


def _cursor(place: Place) -> Sequence[int | str]:
    return [place.sent, utc(place.heard[0]), str(place.heard[1])]


def _item(line: Line, codes: Codes, veil: Clear) -> Json:
    row = line.row
    side = _sent(row, veil) if line.is_sent else _heard(row, veil)
    return {
        "direction": "out" if line.is_sent else "in",
        "accepted_at": utc(row.accepted_at),
        **side,
        "point": point_item(row.point_id, codes),
        "channel": row.channel,
        "text": veil.words(row.text),
        "correlationid": row.correlationid,
    }


def _sent(row: Row[Any], veil: Clear) -> Json:
    status = BY_RANK.get(row.rank, UNKNOWN)
    return {
        "at": utc(row.requested_at or row.accepted_at),
        "from": row.sender,
        "to": veil.address(row.destination),
        "send_id": str(row.registration or row.id),
        "transid": shown_transid(row.transid),
        "tid": None,
        "status": status.name,
        "outcome": status.outcome.value,
    }


def _heard(row: Row[Any], veil: Clear) -> Json:
    return {
        "at": utc(row.provider_at or row.accepted_at),
        "from": veil.address(row.sender),
        "to": veil.remark(row.recipient),
        "send_id": None,
        "transid": row.transid or None,
        "tid": row.tid,
        "status": None,
        "outcome": None,
    }
