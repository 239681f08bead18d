"""The gateway's part of the contract, by machines: the document names every answer."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from receiver.platform.spans import Document, with_member
from tests.gateway.conftest import EVENTS, MESSAGING, PROFILES, Client, make_client
from tests.gateway.upstream import Asked, Upstream, says
from tests.web.service import Service
from tests.web.test_contract import JSON

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to make a failure small can take minutes
)
PATHS = {
    MESSAGING: ["deliverychannel", "channels", "destination", "msisdn", "notifyurl", "message"],
    EVENTS: ["events", "evtid", "correlationid", "parameters", "notifyurl", "expiry"],
    PROFILES: ["Records", "customerId", "Attributes"],
}
ANSWERS = ["response", "code", "description", "transid", "correlationid", "Results", "customerId"]


@pytest.fixture(scope="module")
def echoing(listening: Upstream) -> Upstream:
    """A platform that answers with whatever it was sent, which may be no answer at all."""

    def echo(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        says(asked.body)(handler, asked)

    listening.way = echo
    return listening


@pytest.fixture(scope="module")
def anybody(service: Service, var: Path, echoing: Upstream) -> Client:
    return make_client(service, var, echoing.url)


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", service.app)


schema = schemathesis.pytest.from_fixture("document")


@schema.include(path_regex="^/resources").parametrize()
@BOUNDED
def test_the_gateway_keeps_its_contract(case: Case[Any], anybody: Client) -> None:
    case.call_and_validate(headers={"key": anybody.caller.secret}, checks=CHECKS)


def json_of(names: list[str]) -> st.SearchStrategy[Any]:
    """JSON that looks like what is asked and answered here."""
    inner = st.recursive(
        st.sampled_from(["1001", "7004", "", "t-1", 17, None, True]) | JSON,
        lambda each: (
            st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(names), each, max_size=4)
        ),
        max_leaves=12,
    )
    return st.dictionaries(st.sampled_from(names), inner, max_size=4) | inner


def strictly(value: Any) -> bytes:
    """The text of a value, none of what JSON has no word for."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError:
        return b""


@given(data=st.data(), path=st.sampled_from(list(PATHS)))
@settings(BOUNDED, max_examples=60)
def test_any_exchange_is_passed_on_and_recorded(
    anybody: Client, echoing: Upstream, data: st.DataObject, path: str
) -> None:
    sent = data.draw(json_of(PATHS[path]).map(strictly).filter(bool))
    raw = json.dumps(data.draw(json_of(ANSWERS))).encode()
    echoing.way = says(raw)
    service = anybody.caller.service
    before = service.rows("SELECT count(*) AS n FROM recordings")[0]["n"]

    answer = anybody.send(sent, path=path)

    notified = with_member(Document.of(sent), "notifyurl", anybody.hook_url)
    assert echoing.last.body == (sent if path == PROFILES else notified)
    assert (answer.status_code, answer.data) == (200, raw)
    assert service.rows("SELECT count(*) AS n FROM recordings")[0]["n"] > before
