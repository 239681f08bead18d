"""Events and calls: what else the platform tells."""

from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.facts import Kind
from receiver.store import notices
from receiver.store.tables import PlatformEventRow
from receiver.web.arrival_lists import Listing
from receiver.web.arrival_queries import EventsQuery
from receiver.web.arrival_shapes import MessageShape
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.queries import read_page
from receiver.web.shown_arrivals import notice_item

EVENTS_QUERY: Final = EventsQuery()
LISTING: Final = Listing(
    kind=Kind.EVENT,
    sought=notices.Sought,
    row=PlatformEventRow,
    newest=notices.events,
    item=notice_item,
    shape=MessageShape,
)

events = Blueprint("events", __name__, url_prefix="/api/v1")
events.after_request(finish)


@events.get("/events")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return events and calls, the newest first."""
    return LISTING.answer(read_page(EVENTS_QUERY, current_key()))
