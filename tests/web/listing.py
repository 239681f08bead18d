"""What tests of lists ask and take apart."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.web.service import Caller


def window(*, days: float = 2) -> str:
    """A window of time around now, as parameters."""
    half = timedelta(days=days) / 2
    now = datetime.now(UTC)
    ends = {"since": (now - half).isoformat(), "until": (now + half).isoformat()}
    return urlencode(ends)


def items(answer: Any) -> Sequence[dict[str, Any]]:
    assert answer.status_code == 200, answer.json
    found: Sequence[dict[str, Any]] = answer.json["items"]
    return found


def pages(caller: Caller, path: str) -> Iterator[Sequence[dict[str, Any]]]:
    """The pages of a list, each asked for when it is wanted, by the links of those before."""
    while path:
        answer = caller.get(path)
        yield items(answer)
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("Link", ""))
        assert (link is None) == (answer.json["next"] is None)
        path = link[1].removeprefix("/api/v1") if link else ""


def table(answer: Any) -> list[dict[str, str]]:
    """The rows of a list as CSV."""
    assert answer.status_code == 200, answer.json
    assert answer.content_type == "text/csv; charset=utf-8"
    with answer:  # as a server does at its end
        return list(csv.DictReader(io.StringIO(answer.text)))
