"""What is asked of a ledger that was filled: of any history in it, of any month of its days."""

import base64
import http.client
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from bench.growth.histories import Histories
from bench.load import Requests
from bench.service import Service

_ANSWER_SECONDS: Final = 30
MONTH_DAYS: Final = 30
PAGE_ITEMS: Final = 50
#: Months that lists and counts are asked of, evenly over the days of the ledger.
_MONTHS: Final = 12
#: A deep page has all but one such part of its month before it.
_PARTS: Final = 10


@dataclass(frozen=True)
class Question:
    """One request to the API: a GET, or with a body a POST."""

    path: str
    body: Mapping[str, Any] | None = None

    def request(self, each: Service, **headers: str) -> bytes:
        """Return it as it goes over the line."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [
            f"{'GET' if self.body is None else 'POST'} {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{each.port}",
            *(f"{name}: {value}" for name, value in _headers(each, headers).items()),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


def requests(each: Service, questions: Iterable[Question], **headers: str) -> Requests:
    """Yield questions as the load sends them; an underscore in a header's name is a hyphen."""
    for question in questions:
        yield question.path, question.request(each, **headers)


def answer(each: Service, path: str, **headers: str) -> http.client.HTTPResponse:
    """Ask for one path; what is not read of the answer is hung up on."""
    line = http.client.HTTPConnection("127.0.0.1", each.port, timeout=_ANSWER_SECONDS)
    line.request("GET", path, headers={**_headers(each, headers), "Connection": "close"})
    return line.getresponse()


def json_of(each: Service, path: str) -> Any:
    """Return what a service answers to a path."""
    with answer(each, path) as found:
        return json.load(found)


def _headers(each: Service, more: Mapping[str, str]) -> Mapping[str, str]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"Authorization": f"Bearer {each.api_key}", **named}


@dataclass(frozen=True)
class _Month:
    window: Mapping[str, str]
    numbers: range
    """The histories that fall into it."""


class Questions:
    """Draws questions, the same ones for each ledger with the same seed and plan."""

    def __init__(
        self,
        histories: Histories,
        ask: Callable[[str], Any],
        *,
        seed: int,
        month_days: int = MONTH_DAYS,
    ) -> None:
        """`ask` returns what the service answers to a path."""
        self._histories = histories
        self._ask = ask
        self._chooser = random.Random(seed)  # noqa: S311
        self._month_days = month_days

    def look_up(self) -> Question:
        """Ask for one send by its transid."""
        return Question(f"/api/v1/sends/{self._values()['transid']}")

    def near_page(self) -> Question:
        """Ask for the first page of a month's deliveries."""
        return Question(_page(self._chooser.choice(self._months)))

    def deep_page(self) -> Question:
        """Ask for a page far behind the first one, by its cursor."""
        return Question(self._chooser.choice(self._deep_pages))

    def sends_to(self) -> Question:
        """Search the sends to a number, which stands in the body."""
        return Question(
            "/api/v1/sends/search", {"destination": f"+{self._values()['destination']}"}
        )

    def deliveries_to(self) -> Question:
        """Ask for the deliveries to a number."""
        number = urlencode({"destination": self._values()["destination"]})
        return Question(f"/api/v1/deliveries?{number}")

    def hours_of_a_month(self) -> Question:
        """Ask for a month's statistics by the hour."""
        window = self._chooser.choice(self._months).window
        return Question(f"/api/v1/stats?{urlencode({'bucket': 'hour', **window})}")

    def of(self, name: str) -> Iterator[Question]:
        """Yield questions of one kind, a method's name, without end."""
        draw: Callable[[], Question] = getattr(self, name)
        while True:
            yield draw()

    def _values(self) -> Mapping[str, str]:
        number = self._chooser.randrange(self._histories.plan.deliveries)
        return next(self._histories.of([number], ()))

    @cached_property
    def _months(self) -> list[_Month]:
        last = len(self._histories.plan.days) - self._month_days
        return [self._month(last * each // (_MONTHS - 1)) for each in range(_MONTHS)]

    def _month(self, first: int) -> _Month:
        plan = self._histories.plan
        since = plan.days[first]
        until = since + timedelta(days=self._month_days)
        window = {"since": f"{since}T00:00:00Z", "until": f"{until}T00:00:00Z"}
        end = plan.numbers_of(first + self._month_days - 1).stop
        return _Month(window, range(plan.numbers_of(first).start, end))

    @cached_property
    def _deep_pages(self) -> list[str]:
        return [self._deep_page(month) for month in self._months]

    def _deep_page(self, month: _Month) -> str:
        """Return the path of a page that nobody has to turn nine tenths of a month for."""
        first = _page(month)
        behind = month.numbers[len(month.numbers) // _PARTS]
        cursor = urlencode({"cursor": _moved(self._ask(first)["next"], behind + 1)})
        return f"{first}&{cursor}"


#: What is asked, by the name of the method that draws it.
KINDS: Final = {
    "look_up": "look-up of a send",
    "near_page": "page of a month's deliveries, the first",
    "deep_page": "the same, far behind by its cursor",
    "sends_to": "sends to a number",
    "deliveries_to": "deliveries to a number",
    "hours_of_a_month": "a month of statistics by the hour",
}


def _page(month: _Month) -> str:
    query = {"status": "delivered", **month.window, "limit": PAGE_ITEMS}
    return f"/api/v1/deliveries?{urlencode(query)}"


def _moved(cursor: str, seq: int) -> str:
    """Return a cursor of the same list that goes on below `seq`."""
    fingerprint, _ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    text = json.dumps([fingerprint, seq], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
