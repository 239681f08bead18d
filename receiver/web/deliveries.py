"""Deliveries: what became of sends, whichever they are."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.status import STATUSES
from receiver.store import deliveries, sends
from receiver.store.deliveries import SoughtDeliveries
from receiver.store.reading import reading
from receiver.web import lists
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.lists import Fetched
from receiver.web.queries import DeliveriesQuery, read_page
from receiver.web.rooms import rooms
from receiver.web.shapes import DeliveryItem
from receiver.web.shown_sends import listed_delivery
from receiver.web.veil import veil

DELIVERIES_QUERY: Final = DeliveriesQuery()

deliveries_ = Blueprint("deliveries", __name__, url_prefix="/api/v1")
deliveries_.after_request(finish)


@deliveries_.get("/deliveries")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return deliveries, the newest first, by what became of them."""
    key, clear = current_key(), veil()
    page = read_page(DELIVERIES_QUERY, key)
    sought, engine = _sought(page.sought), rooms().engine

    def fetch(place: Sequence[int] | None, limit: int) -> Fetched:
        with reading(engine) as session:
            rows = deliveries.newest(
                session,
                sought,
                domain=key.domain,
                point_ids=key.point_ids,
                before=place[0] if place else None,
                limit=limit + 1,
            )
            shown = rows[:limit]
            codes = sends.point_codes(session, {row.point_id for row in shown})
            items = [listed_delivery(row, codes, clear) for row in shown]
        return items, [int(items[-1]["id"])] if len(rows) > limit else None

    return lists.answer(page, fetch, item=DeliveryItem, place=[int])


def _sought(asked: Mapping[str, Any]) -> SoughtDeliveries:
    """Return what is asked for with ranks in the place of statuses and outcomes."""
    filters = dict(asked)
    ranks = _ranks(filters.pop("status", None), filters.pop("outcome", None))
    return SoughtDeliveries(ranks=ranks, **filters)


def _ranks(
    statuses: Collection[str] | None, outcomes: Collection[str] | None
) -> Collection[int] | None:
    if statuses is None and outcomes is None:
        return None
    return [
        status.rank
        for status in STATUSES
        if (statuses is None or status.name in statuses)
        and (outcomes is None or status.outcome in outcomes)
    ]
