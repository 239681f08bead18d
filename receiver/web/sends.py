"""One send: what was sent, and what became of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from receiver.domain.errors import NotFoundError
from receiver.domain.facts import State
from receiver.platform.storable import storable
from receiver.store import changes, sends
from receiver.store.changes import Newest
from receiver.store.reading import reading
from receiver.store.tables import SendRow
from receiver.store.timelines import Place
from receiver.web import cursors, timelines
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.queries import SendQuery, read_query
from receiver.web.rooms import rooms
from receiver.web.veil import veil
from receiver.web.whole_sends import WholeSend

#: Between two looks at a send whose outcome is waited for.
REST_SECONDS: Final = 0.1
SEND_QUERY: Final = SendQuery()

sends_ = Blueprint("sends", __name__, url_prefix="/api/v1")
sends_.after_request(finish)


@sends_.get("/sends/<path:key>")
@requires("read")
@polled
def show(key: str) -> ResponseReturnValue:
    """Return one send by transid or id, at once or as soon as it has its outcome.

    404 where neither it nor a receipt of it is known, or becomes known while it is waited for.
    """
    domain, asked = current_key().domain, read_query(SEND_QUERY)
    until = time.monotonic() + asked["wait"]
    while True:
        shown, newest = _look(key, asked)
        if _is_decided(shown) or not rooms().feed.wait(domain, newest, until=until):
            break
        time.sleep(REST_SECONDS)  # others' sends change too, and often
    if shown is None:
        raise NotFoundError("neither a send nor a receipt of it is known")
    return shown


def _look(key: str, asked: Mapping[str, Any]) -> tuple[dict[str, Any] | None, Newest]:
    """Return the send, None where nobody knows it, and the newest change of its domain."""
    api_key = current_key()
    with reading(rooms().engine) as session:
        row = sends.find(
            session, storable(key.rstrip("/")), domain=api_key.domain, point_ids=api_key.point_ids
        )
        newest = (
            changes.newest(session, [api_key.domain])[api_key.domain] if asked["wait"] else None
        )
        shown = _whole(session, row, asked) if row else None
        return shown, newest


def _is_decided(shown: Mapping[str, Any] | None) -> bool:
    """Tell whether nothing of a send is pending any more."""
    if shown is None:
        return False
    counts = shown["summary"]
    is_over = shown["state"] == State.REFUSED.value
    return is_over or bool(counts["deliveries"] and not counts["pending"])


def _whole(session: Session, send: SendRow, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the send as JSON, with the pages of it that are asked for."""
    pages = _Pages(send, asked)
    whole = WholeSend(
        session=session,
        send=send,
        window=rooms().settings.reply_window,
        point_ids=current_key().point_ids,
        after=pages.after,
        place=pages.place,
    )
    return whole.shown(veil(), pages.url)


@dataclass(frozen=True)
class _Pages:
    """The pages of one send, by the cursors that lead to them."""

    send: SendRow
    asked: Mapping[str, str]

    @property
    def after(self) -> int:
        after = self._decoded("deliveries", int)
        return after[0] if after else 0

    @property
    def place(self) -> Place:
        place = self._decoded("timeline", str, str)
        if place is None:
            return timelines.START
        return Place(*cursors.moment(place, name="timeline"))

    def url(self, part: str, place: Sequence[int | str]) -> str:
        cursor = cursors.encode(place, query=self._query(part))
        return f"/api/v1/sends/{self._id}?{urlencode({part: cursor})}"

    def _decoded(self, part: str, *types: type) -> list[Any] | None:
        cursor = self.asked.get(part)
        if cursor is None:
            return None
        return cursors.decode(cursor, *types, name=part, query=self._query(part))

    def _query(self, part: str) -> dict[str, str]:
        return {"domain": self.send.domain, "send": self._id, "part": part}

    @property
    def _id(self) -> str:
        return str(self.send.registration or self.send.id)
