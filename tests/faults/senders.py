"""The platform as the tests play it: posts receipts, comes again, and remembers every answer.

One receipt a transid, at a steady rate, by many senders at once. What gets no 200 is sent again
three times, as the platform does, only sooner. Its three minutes outlast the faults that are
played here, so the third time comes when the fault is over, however slow the machine is.
"""

import http.client
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from tests.faults.receipts import make_receipt

SENDERS: Final = 16
TIMEOUT_SECONDS: Final = 10.0  # then the platform hangs up
RETRIES: Final = 3
#: How soon a sender goes on that was refused: at once, and it would send little else.
REFUSED_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request; status 0 where nothing came."""

    status: int
    seconds: float


class Platform:
    """Sends receipts to a hook; `answers` holds, by transid, what each request brought."""

    def __init__(
        self,
        hook_url: str,
        *,
        name: str,
        rate: float = 300,
        retry_seconds: float = 1,
        padding_bytes: int = 0,
    ) -> None:
        parts = urlsplit(hook_url)
        self.name = name
        self.answers: dict[str, list[Answer]] = {}
        self._host, self._path = parts.netloc, parts.path
        self._gap_seconds = SENDERS / rate
        self._retry_seconds = retry_seconds
        self._padding_bytes = padding_bytes
        self._numbers = itertools.count()
        self._again: deque[tuple[float, str]] = deque()  # due times rise, as the delay is constant
        self._stopped = threading.Event()
        self._calm = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send as long as the context lasts, then what is still to be sent again."""
        self._stopped.clear()
        with ThreadPoolExecutor(SENDERS, "sender") as pool:
            sending = [pool.submit(self._send) for _ in range(SENDERS)]
            try:
                yield
            finally:
                self._calm.set()
                self._stopped.set()
            for done in sending:
                done.result()

    def calm(self) -> None:
        """Take note that the fault is over."""
        self._calm.set()

    def deliver(self, shares: Sequence[Sequence[str]]) -> None:
        """Send each share by a sender of its own, as fast as answers come.

        All end where one of them gives up: what is never taken would only be told later.
        """
        self._stopped.clear()
        with ThreadPoolExecutor(len(shares), "sender") as pool:
            try:
                for done in [pool.submit(self._deliver, share) for share in shares]:
                    done.result()
            finally:
                self._stopped.set()

    def post(self, transid: str) -> Answer:
        """Post the receipt of `transid`, and keep the answer."""
        body = make_receipt(transid, padding_bytes=self._padding_bytes)
        answer = self._post(body)
        self.answers.setdefault(transid, []).append(answer)
        return answer

    def statuses(self) -> Mapping[int, int]:
        """Return how often each status was answered."""
        return Counter(answer.status for answer in self._all())

    def longest_seconds(self) -> float:
        """Return how long the slowest answer took, or the time after which none came."""
        return max((answer.seconds for answer in self._all()), default=0)

    def acknowledged(self) -> set[str]:
        """Return the transids that were answered 200."""
        return {
            transid
            for transid, answers in self.answers.copy().items()
            if any(answer.status == HTTPStatus.OK for answer in answers)
        }

    def _all(self) -> Iterator[Answer]:
        return itertools.chain.from_iterable(self.answers.copy().values())

    def _send(self) -> None:
        due_at = time.monotonic()
        while not self._stopped.is_set():
            taken = self._try(self._due() or self._fresh())
            gap_seconds = self._gap_seconds if taken else max(self._gap_seconds, REFUSED_SECONDS)
            due_at = max(due_at + gap_seconds, time.monotonic())
            self._stopped.wait(due_at - time.monotonic())
        while self._again:
            transid = self._due()
            if transid:
                self._try(transid)
            else:
                time.sleep(0.05)

    def _deliver(self, share: Sequence[str]) -> None:
        for transid in share:
            for _ in range(1 + RETRIES):
                if self._stopped.is_set() or self.post(transid).status == HTTPStatus.OK:
                    break
                self._stopped.wait(self._retry_seconds)
            else:
                self._stopped.set()

    def _try(self, transid: str) -> bool:
        if self.post(transid).status == HTTPStatus.OK:
            return True
        if len(self.answers[transid]) <= RETRIES:
            self._come_again(transid)
        return False

    def _fresh(self) -> str:
        return f"{self.name}-{next(self._numbers)}"

    def _due(self) -> str | None:
        try:
            at, transid = self._again.popleft()
        except IndexError:
            return None
        if at > time.monotonic():
            self._again.appendleft((at, transid))
        elif len(self.answers[transid]) == RETRIES and not self._calm.is_set():
            self._come_again(transid)
        else:
            return transid
        return None

    def _come_again(self, transid: str) -> None:
        self._again.append((time.monotonic() + self._retry_seconds, transid))

    def _post(self, body: bytes) -> Answer:
        started_at = time.monotonic()
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self._path, body=body)
            with connection.getresponse() as response:
                response.read()
                status = response.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        return Answer(status, time.monotonic() - started_at)
