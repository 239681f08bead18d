"""Messages: what customers wrote."""

from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.facts import Kind
from receiver.platform.storable import storable
from receiver.store import notices
from receiver.store.tables import MessageRow
from receiver.web.arrival_lists import Listing
from receiver.web.arrival_queries import MessagesQuery, TidQuery
from receiver.web.arrival_shapes import MessageShape
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.queries import read_page
from receiver.web.shown_arrivals import notice_item

MESSAGES_QUERY: Final = MessagesQuery()
TID_QUERY: Final = TidQuery()
LISTING: Final = Listing(
    kind=Kind.MESSAGE,
    sought=notices.Sought,
    row=MessageRow,
    newest=notices.messages,
    item=notice_item,
    shape=MessageShape,
)

messages = Blueprint("messages", __name__, url_prefix="/api/v1")
messages.after_request(finish)


@messages.get("/messages")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return messages, the newest first."""
    return LISTING.answer(read_page(MESSAGES_QUERY, current_key()))


@messages.get("/messages/<path:tid>")
@requires("read")
@polled
def show(tid: str) -> ResponseReturnValue:
    """Return the messages with one tid, which need not be one. 404 where there is none."""
    page = read_page(TID_QUERY, current_key())
    return LISTING.answer(page, tid=[storable(tid.rstrip("/"))], absent="no message has this tid")
