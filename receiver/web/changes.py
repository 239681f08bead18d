"""The change feed: everything that changed since a cursor, as it is now."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy.orm import Session

from receiver.domain.errors import GoneError
from receiver.store import changes as stored
from receiver.store import sends
from receiver.store.changes import Change, Feed, Newest, Place, Wanted
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.sought import point_ids_of
from receiver.web import cursors
from receiver.web.auth import current_key, requires
from receiver.web.fields import Choices, Many, Text
from receiver.web.freshness import finish
from receiver.web.queries import DEFAULT_LIMIT, IN_LIMIT, Limit, Wait, check_points, read_query
from receiver.web.rooms import rooms
from receiver.web.shown_arrivals import notice_item
from receiver.web.shown_sends import Codes, Json, listed_delivery
from receiver.web.times import utc
from receiver.web.veil import Clear, veil

START, NOW = "start", "now"
#: Looks of one call: a filter may leave nothing of many pages, or of what is waited for.
MOST_LOOKS: Final = 200
REST_SECONDS: Final = 0.1
KINDS: Final = ("delivery", "message", "event", "deletion")
_GONE: Final = (
    "the cursor is from another database, or older than the deletions that are remembered"
    f" ({stored.REMEMBERED.days} days): drop what you hold, and begin anew with after={START}"
)
#: No key is narrowed to this point, and nothing belongs to it.
_NOWHERE: Final = UUID(int=0)


class ChangesQuery(Schema):
    """Where to go on, and what is followed."""

    after = Text(
        most=500,
        load_default=START,
        metadata={"description": f"`next` of the last answer; {START} or {NOW} without one."},
    )
    wait = Wait()
    limit = Limit(load_default=DEFAULT_LIMIT, validate=IN_LIMIT)
    kind = Choices(KINDS)
    point = Many(Text(most=200), metadata={"description": "Ids or codes of points."})
    tag = Many(Text(most=100), metadata={"description": "Only deliveries have any."})


CHANGES_QUERY: Final = ChangesQuery()

changes = Blueprint("changes", __name__, url_prefix="/api/v1")
changes.after_request(finish)


@changes.get("/changes")
@requires("read")
def index() -> ResponseReturnValue:
    """Return what changed since a cursor, as it is now; wait for it where nothing did."""
    asked = read_query(CHANGES_QUERY)
    check_points(asked.get("point", ()), current_key())
    until = time.monotonic() + asked["wait"]
    reader = _Reader(current_key(), asked, veil())
    for _ in range(MOST_LOOKS):
        items = reader.read()
        if items or (reader.is_at_end and not _wait(reader, until)):
            break
    return {"items": items, "next": reader.cursor}


def _wait(reader: "_Reader", until: float) -> bool:
    """Wait for something to be worth a look; one that showed nothing is followed by a rest."""
    if reader.looks > 1:
        time.sleep(REST_SECONDS)
    return rooms().feed.wait(reader.domain, reader.newest, until=until)


@dataclass
class _Read:
    """What one look at the feed saw."""

    feed: Feed
    place: Place
    newest: Newest
    is_end: bool


class _Reader:
    """Goes on in the feed, look by look."""

    def __init__(self, key: ApiKey, asked: Mapping[str, Any], veil: Clear) -> None:
        self.domain = key.domain
        self._key = key
        self._asked = asked
        self._veil = veil
        self._seen: _Read | None = None
        self.looks = 0

    @property
    def newest(self) -> Newest:
        """The newest change of the domain at the last look."""
        assert self._seen
        return self._seen.newest

    @property
    def is_at_end(self) -> bool:
        """Whether the last look left nothing to be read."""
        assert self._seen
        return self._seen.is_end

    @property
    def cursor(self) -> str:
        """Where to go on after the last look."""
        assert self._seen
        return self._cursor(self._seen.feed, self._seen.place)

    def read(self) -> Sequence[Json]:
        """Look once. Raises: BadInputError, GoneError."""
        with reading(rooms().engine) as session:
            feed = stored.feed(session)
            after = self._seen.place if self._seen else self._place(feed)
            page = stored.page(session, self._wanted(session), after, limit=self._asked["limit"])
            newest = stored.newest(session, [self.domain])[self.domain]
            self._seen = _Read(feed, page.last, newest, page.is_end)
            self.looks += 1
            points = {each.row.point_id for each in page.changes if each.row}
            codes = sends.point_codes(session, points)
            return [self._item(feed, change, codes) for change in page.changes]

    def _wanted(self, session: Session) -> Wanted:
        point_ids: set[UUID] = set(self._key.point_ids)
        if named := self._asked.get("point"):
            found = set(session.scalars(point_ids_of(named, self.domain)))
            point_ids = (found & point_ids if point_ids else found) or {_NOWHERE}
        return Wanted(
            domain=self.domain,
            kinds=self._asked.get("kind", ()),
            point_ids=point_ids,
            tags=self._asked.get("tag", ()),
        )

    def _place(self, feed: Feed) -> Place:
        after = self._asked["after"]
        if after in {START, NOW}:
            return feed.start if after == START else feed.now
        generation, *place = cursors.decode(
            after, str, int, int, int, int, name="after", query=self._query
        )
        found = Place(*place)
        if generation != feed.generation.hex or not feed.is_good(found):
            raise GoneError(_GONE)
        return found

    def _cursor(self, feed: Feed, place: Place) -> str:
        return cursors.encode([feed.generation.hex, *place], query=self._query)

    @property
    def _query(self) -> Mapping[str, Any]:
        followed = {name: self._asked.get(name) for name in ("kind", "point", "tag")}
        points = sorted(map(str, self._key.point_ids))
        return {"path": "changes", "domain": self.domain, "points": points, **followed}

    def _item(self, feed: Feed, change: Change, codes: Codes) -> Json:
        return {
            "cursor": self._cursor(feed, change.after),
            "committed_at": utc(change.written_at),
            "kind": "deletion" if change.deleted else change.kind,
            "cause": change.cause,
            "data": data_of(change, codes, self._veil),
        }


def data_of(change: Change, codes: Codes, veil: Clear) -> Json:
    """Return what changed as lists show it; of what is deleted only its name."""
    if change.deleted:
        return {"kind": change.kind, "id": str(change.name)}
    show = listed_delivery if change.kind == "delivery" else notice_item
    return show(change.row, codes, veil)
