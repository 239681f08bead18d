"""Lists of what arrived, and the bodies as they came for whoever may see them."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import Response
from marshmallow import Schema
from sqlalchemy import Engine, Row
from sqlalchemy.orm import Session

from receiver.domain.errors import ForbiddenError, NotFoundError
from receiver.domain.facts import Kind
from receiver.store import arrivals, audit, sends
from receiver.store.arrivals import Excerpt
from receiver.store.audit import Act
from receiver.store.keys import ApiKey
from receiver.store.reading import reading
from receiver.store.tables import Arrived
from receiver.store.writing import writing
from receiver.web import cursors, lists
from receiver.web.auth import current_key, may
from receiver.web.lists import Fetched
from receiver.web.queries import Page
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Codes
from receiver.web.times import utc
from receiver.web.veil import Clear, veil

#: What chooses an excerpt of a table, whatever is in it.
_OF_EXCERPT: Final = frozenset({"point", "since", "until", "raw"})
#: What is sought by its key, and the store's word for that.
_KEYED: Final = {
    "sender": "sender_key",
    "recipient": "recipient_key",
    "destination": "destination_key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One table as a list."""

    kind: Kind
    """Of what its rows are, for the audit log."""
    row: type[Arrived]
    sought: type[Any]
    """What the store narrows it by."""
    newest: Callable[[Session, Any, Excerpt], Sequence[Row[Any]]]
    item: Callable[[Row[Any], Codes, Clear], dict[str, Any]]
    shape: type[Schema]

    def answer(self, page: Page, *, absent: str = "", **more: Sequence[str]) -> Response:
        """Return a page, or all as CSV.

        Raises: ForbiddenError, BadInputError, NotFoundError where `absent` is given and there is
        nothing.
        """
        key, clear, engine = current_key(), veil(), rooms().engine
        with_raw = page.sought["raw"]
        if with_raw and not may(key, "admin"):
            raise ForbiddenError("the key lacks the scope admin, which raw=true needs")
        sought = self.sought(**_filters(page), **more)

        def fetch(place: Sequence[str] | None, limit: int) -> Fetched:
            with reading(engine) as session:
                rows = self.newest(session, sought, excerpt_of(page, key, place, limit + 1))
                shown = rows[:limit]
                bodies = arrivals.raw_bodies(session, self.row, shown) if with_raw else {}
                codes = sends.point_codes(session, {row.point_id for row in shown})
            if absent and not rows and place is None:
                raise NotFoundError(absent)
            if with_raw:
                shown = [row for row in shown if row.id in bodies]
                self._note(engine, key, bodies)
            raws = {id_: raw_item(body) for id_, body in bodies.items()}
            items = [self.item(row, codes, clear) | raws.get(row.id, {}) for row in shown]
            return items, place_of(shown[-1]) if len(rows) > len(shown) else None

        return lists.answer(page, fetch, item=self.shape, place=[str, str])

    def _note(self, engine: Engine, key: ApiKey, bodies: Mapping[UUID, bytes]) -> None:
        """Write down who reads what in the raw; unwritten, it is not read."""
        act = Act(verb=audit.RAW_READ, kind=self.kind.value, ids=list(map(str, bodies)))
        with writing(engine) as session:
            audit.record(session, act, who=audit.by_key(key), domain=key.domain)


def _filters(page: Page) -> dict[str, Sequence[str]]:
    """Return what the list is narrowed by, as the store calls it."""
    names = page.sought.keys() - _OF_EXCERPT
    return {_KEYED.get(name, name): page.sought[name] for name in names}


def excerpt_of(page: Page, key: ApiKey, place: Sequence[str] | None, limit: int) -> Excerpt:
    """Return the part of a table that a page of a list is of."""
    return Excerpt(
        domain=key.domain,
        point_ids=key.point_ids,
        points=page.sought.get("point", ()),
        since=page.sought.get("since"),
        until=page.sought.get("until"),
        before=None if place is None else cursors.moment(place, name="cursor"),
        limit=limit,
    )


def place_of(row: Row[Any]) -> Sequence[str]:
    """Return where a row stands in its list."""
    return [utc(row.accepted_at), str(row.id)]


def raw_item(raw: bytes) -> dict[str, str]:
    """Return a body as it came: text if it is one, else base64."""
    try:
        return {"raw": raw.decode(), "raw_encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"raw": base64.b64encode(raw).decode(), "raw_encoding": "base64"}
