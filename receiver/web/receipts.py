"""Receipts: what the platform said of deliveries, one by one."""

from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.facts import Kind
from receiver.store import receipts as stored
from receiver.store.tables import ReceiptRow
from receiver.web.arrival_lists import Listing
from receiver.web.arrival_queries import ReceiptsQuery
from receiver.web.arrival_shapes import ReceiptShape
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.queries import read_page
from receiver.web.shown_arrivals import receipt_item

RECEIPTS_QUERY: Final = ReceiptsQuery()
LISTING: Final = Listing(
    kind=Kind.RECEIPT,
    sought=stored.Sought,
    row=ReceiptRow,
    newest=stored.newest,
    item=receipt_item,
    shape=ReceiptShape,
)

receipts = Blueprint("receipts", __name__, url_prefix="/api/v1")
receipts.after_request(finish)


@receipts.get("/receipts")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return receipts, the newest first."""
    return LISTING.answer(read_page(RECEIPTS_QUERY, current_key()))
