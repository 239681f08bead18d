"""Posting notifications as the platform does: when they are due, again a minute later, four times.

However much is due at once, so many calls are under way and no more; the rest waits in one heap.

Source: CONTRACT.md 1 (attempts, statuses that end them, the test call), 1.1 (signature).
"""

import hashlib
import heapq
import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import gevent
import structlog
from gevent.event import Event
from gevent.pool import Pool
from msgspec import Struct

from receiver.platform.verify import HEADER, sign
from receiver.sandbox.book import Book, Entry, Kind, Outcome
from receiver.sandbox.calling import Heard, call, is_callable

ATTEMPTS: Final = 4
RETRY: Final = timedelta(seconds=60)
MOST_CALLS: Final = 64
MOST_WAITING: Final = 50_000
#: Notify URLs that need no other test call.
MOST_MET: Final = 1_000

_TAKEN: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})  # 201 stands in neither list
#: After these the platform does not come again.
FINAL: Final = frozenset(
    {*range(202, 209), 226, *range(300, 309), 400, 402, *range(404, 412), 414, 415, 416, 418, 505}
)
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "receiver-sandbox"}

log = structlog.get_logger()


class Notification(Struct, eq=False, kw_only=True):
    """A call that is to be made, and its line in the book."""

    url: str
    body: bytes
    entry: Entry
    due_seconds: float = 0.0
    """From when it is handed over."""
    tried: Event | None = None
    """Set once the first attempt is over, where somebody waits for that."""


class Poster:
    """Makes calls when they are due, for as long as it runs.

    `secret` signs them, an empty one leaves them unsigned. They leave this machine and private
    networks only where `public` allows it, or to go to one of the `hosts`.
    """

    def __init__(
        self,
        book: Book,
        *,
        retry: timedelta = RETRY,
        secret: str = "",
        public: bool = False,
        hosts: Collection[str | None] = (),
    ) -> None:
        self._book = book
        self._retry_seconds = retry.total_seconds()
        self._secret = secret
        self._public = public
        self._hosts = hosts
        self._due: list[tuple[float, int, Notification]] = []
        self._numbers = itertools.count()
        self._calls = Pool(MOST_CALLS)
        self._woken = Event()
        self._met: dict[str, Event] = {}

    def has_room(self, count: int = 1) -> bool:
        """Say whether so many notifications more may wait."""
        return len(self._due) + count <= MOST_WAITING

    def hand_over(self, notifications: Sequence[Notification]) -> None:
        """Take notifications, each for when it is due."""
        for each in notifications:
            each.entry.sha256 = hashlib.sha256(each.body).hexdigest()
            self._book.write(each.entry)
            self._push(each, each.due_seconds)

    def hand_over_first(self, notifications: Sequence[Notification], *, seconds: float) -> None:
        """Take notifications, and wait until each was tried once, or for so long."""
        tried = [Event() for _ in notifications]
        for each, event in zip(notifications, tried, strict=True):
            each.tried = event
        self.hand_over(notifications)
        gevent.wait(tried, timeout=seconds)

    def run(self) -> None:
        """Make the calls, for ever."""
        while True:
            self._woken.clear()
            wait = self._due[0][0] - monotonic() if self._due else None
            if wait is None or wait > 0:
                self._woken.wait(wait)
            else:
                self._calls.spawn(self._deliver, heapq.heappop(self._due)[2])

    def _push(self, notification: Notification, seconds: float) -> None:
        heapq.heappush(self._due, (monotonic() + seconds, next(self._numbers), notification))
        self._woken.set()

    def _deliver(self, notification: Notification) -> None:
        entry = notification.entry
        heard = self._heard(notification)
        entry.attempts.append(heard.status)
        entry.fault = heard.fault
        if heard.status in _TAKEN:
            self._book.end(entry, Outcome.TAKEN)
        elif heard.status in FINAL or heard.is_final:
            self._book.end(entry, Outcome.ENDED)
        elif len(entry.attempts) == ATTEMPTS:
            self._book.end(entry, Outcome.GIVEN_UP)
        else:
            self._push(notification, self._retry_seconds)
        if notification.tried:
            notification.tried.set()

    def _heard(self, notification: Notification) -> Heard:
        if not is_callable(notification.url):
            return Heard(0, "the notify URL is none", is_final=True)
        self._meet(notification.url)
        headers = _HEADERS
        if self._secret:
            headers = {**_HEADERS, HEADER: sign(notification.body, self._secret)}
        return self._call("POST", notification.url, headers, notification.body)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Heard:
        public = self._public or urlsplit(url).hostname in self._hosts
        return call(method, url, body=body, headers=headers, public=public)

    def _meet(self, url: str) -> None:
        """Make the test call to a URL that is new; the platform insists on a 200.

        What fails it gets its notifications all the same, each after another test call.
        """
        checked = self._met.get(url)
        if checked is not None:
            checked.wait()
            return
        if len(self._met) >= MOST_MET:
            self._met.pop(next(iter(self._met)))
        checked = self._met[url] = Event()
        heard = self._call("HEAD", url, _HEADERS)
        is_good = heard.status == HTTPStatus.OK
        outcome = Outcome.TAKEN if is_good else Outcome.REFUSED
        entry = Entry(kind=Kind.CHECK, outcome=outcome, attempts=[heard.status], fault=heard.fault)
        self._book.write(entry)
        if not is_good:
            self._met.pop(url, None)
            log.warning("notify_url_refused", status=heard.status, reason=heard.fault)
        checked.set()
