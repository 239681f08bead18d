"""One send: what was sent, and what became of it."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from receiver.domain.errors import NotFoundError
from receiver.domain.facts import State
from receiver.platform.storable import storable
from receiver.store import changes, deliveries, questions, replies, sends
from receiver.store.changes import Newest
from receiver.store.reading import reading
from receiver.store.replies import Reply
from receiver.store.tables import DeliveryRow, SendRow
from receiver.store.timelines import Place
from receiver.web import cursors, timelines
from receiver.web.auth import current_key, requires
from receiver.web.freshness import finish, polled
from receiver.web.queries import SendQuery, read_query
from receiver.web.rooms import rooms
from receiver.web.shown_sends import Counts, delivery_item, question_item, reply_item, send_whole
from receiver.web.times import utc
from receiver.web.veil import Clear, veil

MOST_DELIVERIES: Final = 100
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
        shown = _Shown(session, row, asked, veil()).whole() if row else None
        return shown, newest


def _is_decided(shown: Mapping[str, Any] | None) -> bool:
    """Tell whether nothing of a send is pending any more."""
    if shown is None:
        return False
    counts = shown["summary"]
    is_over = shown["state"] == State.REFUSED.value
    return is_over or bool(counts["deliveries"] and not counts["pending"])


class _Shown:
    """One send, with the pages of it that are asked for."""

    def __init__(
        self, session: Session, send: SendRow, asked: Mapping[str, str], veil: Clear
    ) -> None:
        self._session = session
        self._send = send
        self._asked = asked
        self._veil = veil
        self._id = str(send.registration or send.id)

    def whole(self) -> dict[str, Any]:
        """Return the send as JSON."""
        codes = sends.point_codes(self._session, {self._send.point_id})
        found = self._replies()
        entries, more_entries = self._timeline(found)
        return {
            **send_whole(self._send, self._counts(), codes, self._veil),
            "deliveries": [
                delivery_item(row, self._send, self._veil)
                for row in self._deliveries[:MOST_DELIVERIES]
            ],
            "timeline": entries,
            "replies": [reply_item(reply, self._veil) for reply in found],
            "questions": [
                question_item(row) for row in questions.of_send(self._session, self._send)
            ],
            "more": {"deliveries": self._more_deliveries(), "timeline": more_entries},
        }

    @cached_property
    def _deliveries(self) -> Sequence[DeliveryRow]:
        """The page of deliveries that is asked for, and one more where more follow."""
        return deliveries.page(
            self._session, self._send, after=self._after, limit=MOST_DELIVERIES + 1
        )

    @cached_property
    def _after(self) -> int:
        after = self._place("deliveries", int)
        return after[0] if after else 0

    @property
    def _all_deliveries(self) -> Sequence[DeliveryRow] | None:
        """All deliveries of the send where one page holds them: then nothing is asked of others."""
        is_whole = not self._after and len(self._deliveries) <= MOST_DELIVERIES
        return self._deliveries if is_whole else None

    def _more_deliveries(self) -> str | None:
        if len(self._deliveries) <= MOST_DELIVERIES:
            return None
        return self._url("deliveries", [self._deliveries[MOST_DELIVERIES - 1].seq])

    def _counts(self) -> Counts:
        if self._all_deliveries is not None:
            return sends.count_outcomes((row.rank, 1) for row in self._all_deliveries)
        return sends.outcomes(self._session, [self._send.seq]).get(self._send.seq, {})

    def _timeline(self, found: Sequence[Reply]) -> tuple[Sequence[dict[str, Any]], str | None]:
        entries, last = timelines.page(
            self._session,
            self._send,
            found,
            after=self._timeline_place(),
            known=self._all_deliveries,
        )
        items = [entry.shown(self._veil) for entry in entries]
        return items, self._url("timeline", [utc(last.at), str(last.id)]) if last else None

    def _timeline_place(self) -> Place:
        place = self._place("timeline", str, str)
        if place is None:
            return timelines.START
        return Place(*cursors.moment(place, name="timeline"))

    def _replies(self) -> Sequence[Reply]:
        return replies.of_send(
            self._session,
            self._send,
            keys=self._keys(),
            window=rooms().settings.reply_window,
            point_ids=current_key().point_ids,
        )

    def _keys(self) -> Sequence[str]:
        if self._all_deliveries is not None:
            return [row.destination_key for row in self._all_deliveries]
        return deliveries.keys(self._session, self._send)

    def _place(self, part: str, *types: type) -> list[Any] | None:
        cursor = self._asked.get(part)
        if cursor is None:
            return None
        return cursors.decode(cursor, *types, name=part, query=self._query(part))

    def _url(self, part: str, place: Sequence[int | str]) -> str:
        cursor = cursors.encode(place, query=self._query(part))
        return f"/api/v1/sends/{self._id}?{urlencode({part: cursor})}"

    def _query(self, part: str) -> dict[str, str]:
        return {"domain": self._send.domain, "send": self._id, "part": part}
