"""A trial of a running service: messages through its gateway to the sandbox, with every fate.

What became of them is read in the ledger, and laid beside the sandbox's own book.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import urllib3

from receiver.cli.traffic import SENDER, make_traffic, silent_request
from receiver.client import Receiver
from receiver.client.filters import Span
from receiver.domain.errors import SetupError
from receiver.sandbox.state import SERVICE_KEY

MESSAGING: Final = "/resources/v1/messaging"
SENDERS: Final = 8
REPLIES: Final = 20
#: Messages that an application sent by itself and recorded, and of which nothing was heard since.
OVERDUE: Final = 5
OVERDUE_SINCE: Final = timedelta(days=2)
#: After so long a trial ends, whatever is still under way.
MOST_SECONDS: Final = 45.0
LOOK_SECONDS: Final = 0.5
_PAGE: Final = 1000
_ACCEPTED: Final = "1001"

Json = Mapping[str, Any]
Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a trial goes."""

    base_url: str
    api_key: str = field(repr=False)
    sandbox_url: str


class Trial:
    """One trial; its messages have a tag of their own in the ledger."""

    def __init__(self, places: Places, *, tag: str, count: int) -> None:
        self._places = places
        self._tag = tag
        self._traffic = make_traffic(count)
        self._http = urllib3.PoolManager(maxsize=SENDERS, retries=False, timeout=15.0)
        self._receiver = Receiver(places.base_url, places.api_key)
        self._transids: set[str] = set()
        self._refused = 0
        self._tids: set[str] = set()
        now = datetime.now(UTC)
        self._span = Span(since=now, until=now + timedelta(hours=1), limit=_PAGE)

    def run(self, show: Callable[[Counts], object]) -> Counts:
        """Send, watch until all is told, and return how many messages came to what.

        `show` gets the same counts meanwhile, but for what is lost.
        Raises: SetupError, where gateway or sandbox don't answer; ClientError.
        """
        until = time.monotonic() + MOST_SECONDS
        start = self._book(limit=1)["written"]
        with ThreadPoolExecutor(SENDERS, "sender") as pool:
            sending = [
                *(pool.submit(self._send, body) for body in self._traffic.messages),
                *(pool.submit(self._send, body) for body in self._traffic.refused),
                *(pool.submit(self._send_unseen) for _ in range(OVERDUE)),
            ]
            while not all(each.done() for each in sending):
                self._look(show)
        for each in sending:
            each.result()
        for customer in self._traffic.customers[:REPLIES]:
            self._write(customer)
        while not self._is_over(self._look(show)) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        return {**self._counts(), "lost": self._lost(start)}

    def _send(self, body: Any) -> None:
        """Send through the gateway, as an application does that has changed URL and key alone."""
        headers = {"key": self._places.api_key, "X-Tag": self._tag}
        self._note(self._post(self._places.base_url + MESSAGING, body, headers))

    def _send_unseen(self) -> None:
        """Send past the gateway, and record what was sent as if that had been a while ago."""
        entries = self._post(
            self._places.sandbox_url + MESSAGING, silent_request(), {"key": SERVICE_KEY}
        )
        (transid,) = self._note(entries)
        self._receiver.sends.record(
            transid=transid,
            channel="sms",
            sender=SENDER,
            destinations=silent_request()["destination"][0]["msisdn"],
            requested_at=datetime.now(UTC) - OVERDUE_SINCE,
            tag=self._tag,
        )

    def _note(self, response: Any) -> Sequence[str]:
        """Take note of an answer, and return the transids of what was accepted."""
        entries = response if isinstance(response, list) else [response]
        accepted = [each["transid"] for each in entries if each["code"] == _ACCEPTED]
        self._transids.update(accepted)
        self._refused += len(entries) - len(accepted)
        return accepted

    def _write(self, customer: str) -> None:
        body = {"from": customer, "to": SENDER, "text": "Yes, thank you"}
        self._tids.add(self._post(f"{self._places.sandbox_url}/sandbox/mo", body, {}, name="tid"))

    def _look(self, show: Callable[[Counts], object]) -> Counts:
        counts = self._counts()
        show(counts)
        return counts

    def _counts(self) -> Counts:
        """Return how many messages stand where, by the ledger."""
        sent = list(self._receiver.deliveries.list(tag=self._tag, **self._span))
        ends = Counter("overdue" if each.overdue else each.outcome for each in sent)
        return {
            "sent": len(sent),
            "delivered": ends["success"],
            "failed": ends["failure"] + ends["complaint"],
            "pending": ends["pending"],
            "overdue": ends["overdue"],
            "refused": self._refused,
            "replies": self._replies(),
        }

    def _replies(self) -> int:
        found = self._receiver.messages.list(tid=sorted(self._tids), limit=_PAGE)
        return len({each.tid for each in found}) if self._tids else 0

    def _is_over(self, counts: Counts) -> bool:
        waiting = sum(each.get("waiting", 0) for each in self._book(limit=1)["counts"].values())
        return not waiting and counts["overdue"] >= OVERDUE and counts["replies"] >= len(self._tids)

    def _lost(self, start: int) -> int:
        """Return how much the sandbox's book says was taken that the ledger doesn't hold."""
        taken = Counter(self._taken(start).values())
        held: Counter[tuple[str, ...]] = Counter(
            (each.transid, each.destination, each.raw_status, each.code)
            for each in self._receiver.receipts.list(**self._span)
        )
        recorded = {
            each.transid
            for each in self._receiver.sends.list(tag=self._tag, recorded=True, **self._span)
        }
        messages = len(self._tids) - self._replies()
        return (taken - held).total() + len(self._transids - recorded) + messages

    def _taken(self, start: int) -> Mapping[str, tuple[str, ...]]:
        """Return the receipts of ours that were taken, each once however often it was sent."""
        return {
            line["sha256"]: (line["transid"], line["destination"], line["status"], line["code"])
            for line in self._lines(start)
            if line["transid"] in self._transids
        }

    def _lines(self, start: int) -> Iterator[Json]:
        after: int | None = start
        while after is not None:
            page = self._book(after=after, kind="receipt", outcome="taken", limit=_PAGE)
            yield from page["items"]
            after = page["next"]

    def _book(self, **query: Any) -> Json:
        url = f"{self._places.sandbox_url}/sandbox/book"
        found: Json = self._asked("GET", url, fields=query)
        return found

    def _post(self, url: str, body: Any, headers: Mapping[str, str], name: str = "response") -> Any:
        return self._asked("POST", url, body=json.dumps(body), headers=headers)[name]

    def _asked(self, method: str, url: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, url, **more)
            if answer.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
                return answer.json()
            told = f"answers {answer.status}"
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            told = f"does not answer ({type(error).__name__})"
        raise SetupError(f"{url} {told}: is `make run` up?")
