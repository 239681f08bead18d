"""Results of profiles: what became of each record of a request to create them."""

from typing import ClassVar, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.domain.facts import Kind
from receiver.store import notices
from receiver.store.tables import PlatformEventRow
from receiver.web.arrival_lists import Listing
from receiver.web.arrival_queries import ArrivalsQuery
from receiver.web.arrival_shapes import ProfileShape
from receiver.web.auth import current_key, requires
from receiver.web.fields import Many, Numbers, Text
from receiver.web.freshness import finish, polled
from receiver.web.queries import read_page
from receiver.web.shown_arrivals import profile_item
from receiver.web.windows import Served


class ProfilesQuery(ArrivalsQuery):
    """What results of profiles are sought by."""

    served: ClassVar[Served | None] = Served(few=frozenset({"transid"}), in_order=())

    transid = Many(Text(most=600))
    recipient = Numbers(data_key="appid", metadata={"description": "The application."})


PROFILES_QUERY: Final = ProfilesQuery()
LISTING: Final = Listing(
    kind=Kind.PROFILE,
    sought=notices.Sought,
    row=PlatformEventRow,
    newest=notices.events,
    item=profile_item,
    shape=ProfileShape,
)

profiles = Blueprint("profiles", __name__, url_prefix="/api/v1")
profiles.after_request(finish)


@profiles.get("/profiles")
@requires("read")
@polled
def index() -> ResponseReturnValue:
    """Return results of profiles, the newest first, each with what became of its records."""
    return LISTING.answer(read_page(PROFILES_QUERY, current_key()), kind=[Kind.PROFILE.value])
