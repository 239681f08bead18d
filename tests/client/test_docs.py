"""The examples of docs/client.md, run in their order."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from receiver.client import Receiver
from tests.client.conftest import KEY
from tests.client.test_lists import DELIVERY, change, feed
from tests.web.server import ROOT
from tests.web.service import Service, make_caller, make_transid

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), re.DOTALL)
#: What never ends, but where the cursor expires.
ENDLESS = ".changes("


@pytest.fixture
def served(service: Service, base_url: str) -> Receiver:
    """A client of the real service."""
    return Receiver(base_url, make_caller(service, domain="docs").secret)


@pytest.fixture
def expiring(httpserver: HTTPServer) -> Receiver:
    """A client of a server that tells of one change, and then that the cursor has expired."""
    feed(httpserver, [change("delivery", DELIVERY, "c0.1")])
    return Receiver(httpserver.url_for("/"), KEY)


def test_the_examples_do_what_they_say(
    served: Receiver, expiring: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {
        "UTC": UTC,
        "datetime": datetime,
        "timedelta": timedelta,
        "base_url": "https://receiver.example",
        "key": KEY,
        "transid": make_transid(),
        "new_transid": make_transid(),
        "cursor": "start",
    }
    for example in EXAMPLES:
        names["receiver"] = expiring if ENDLESS in example else served
        exec(example, names)

    told = capsys.readouterr().out
    assert "+44 7700 900123 accepted pending None" in told
    assert f"{names['transid']} accepted 0" in told
    assert names["recorded"].status == names["registered"].status == 201
    assert [send.transid for send in names["known"]] == [names["transid"], names["new_transid"]]
    assert names["found"] == []  # without a region nobody's number begins so
    assert sum(row.sends or 0 for row in names["today"]) >= 1
    assert names["cursor"] == "start"
