"""The examples of docs/client.md, run in their order."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from receiver.client import Receiver
from tests.client.conftest import KEY
from tests.client.test_awaited import DELIVERY, ROW, SEND, STATS, UTTERANCE, change, feed
from tests.web.server import ROOT
from tests.web.service import Service, make_caller, make_transid

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), re.DOTALL)
#: What the API does not have yet.
AWAITED = re.compile(r"\.(deliveries\.list|conversations|lookup|search|stats|changes)\(")


@pytest.fixture
def served(service: Service, base_url: str) -> Receiver:
    """A client of the real service."""
    return Receiver(base_url, make_caller(service, domain="docs").secret)


@pytest.fixture
def promised(httpserver: HTTPServer) -> Receiver:
    """A client of a server that speaks the contract."""
    feed(httpserver, [change("delivery", DELIVERY, "c0.1")])
    answers = {
        "deliveries": [DELIVERY],
        "conversations": [UTTERANCE],
        "sends/lookup": [SEND, None],
        "sends/search": [SEND],
        "stats": [ROW],
    }

    def handle(request: Request) -> Response:
        items = answers[request.path.removeprefix("/api/v1/")]
        return Response(
            json.dumps({**STATS, "items": items, "next": None}), content_type="application/json"
        )

    httpserver.expect_request(re.compile("/api/v1/.*")).respond_with_handler(handle)
    return Receiver(httpserver.url_for("/"), KEY)


def test_the_examples_do_what_they_say(
    served: Receiver, promised: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {
        "UTC": UTC,
        "datetime": datetime,
        "base_url": "https://receiver.example",
        "key": KEY,
        "transid": make_transid(),
        "new_transid": make_transid(),
        "cursor": "start",
    }
    for example in EXAMPLES:
        names["receiver"] = promised if AWAITED.search(example) else served
        exec(example, names)

    told = capsys.readouterr().out
    assert "+44 7700 900123 accepted pending None" in told
    assert f"{names['transid']} accepted 0" in told
    assert f"{SEND['transid']} 7500 Delivered" in told
    assert names["recorded"].status == names["registered"].status == 201
    assert names["known"][1] is None
    assert names["cursor"] == "start"
