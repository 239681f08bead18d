"""The contract, by machines: whatever is sent, the answer is one that the document names."""

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from receiver.store.points import Point
from tests.web.service import (
    ALL_SCOPES,
    Caller,
    Service,
    make_caller,
    make_point,
    make_transid,
    message,
    receipt,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
FEW = settings(BOUNDED, max_examples=8)
MANY = settings(BOUNDED, max_examples=300)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("Delivered")
#: Texts that json.dumps writes as escapes: NUL and halves of pairs among them.
TEXTS = st.text(st.characters()) | st.text(st.characters(categories=["Cs", "Cc"]))
NAMES = """
    deliveryInfoNotification deliveryInfo deliveryStatus destination transid channel event tid oa
    da message sessionId correlationid ts timeStamp waid attachments response code carrier
"""
KEYS = TEXTS | st.sampled_from(NAMES.split())
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


def envelope(info: Any, more: dict[str, Any]) -> dict[str, Any]:
    return {"deliveryInfoNotification": {"deliveryInfo": info, "transid": "t", **more}}


RECEIPTS = st.builds(
    envelope, st.dictionaries(KEYS, JSON, max_size=6), st.dictionaries(KEYS, JSON, max_size=3)
)


@pytest.fixture(scope="module")
def hook(service: Service) -> Point:
    return make_point(service, domain="contract")


@pytest.fixture(scope="module")
def asking(service: Service, hook: Point) -> Caller:
    """A caller in a domain where there is something to be seen."""
    service.hook(hook, [receipt(make_transid(), "Delivered"), message(tid="t")])
    return make_caller(service, domain=hook.domain)


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", service.app)


@pytest.fixture(scope="module")
def sampled(service: Service) -> Any:
    """The document, of which no case is made but at random."""
    document = schemathesis.openapi.from_wsgi("/api/openapi.json", service.app)
    document.config.phases.coverage.enabled = False
    return document


schema = schemathesis.pytest.from_fixture("document")
samples = schemathesis.pytest.from_fixture("sampled")


@pytest.fixture(scope="module")
def limited(service: Service, hook: Point) -> Sequence[Caller]:
    """A caller with each scope alone, and one with all of them at one point."""
    singly = [make_caller(service, domain=hook.domain, scopes=[scope]) for scope in ALL_SCOPES]
    return [*singly, make_caller(service, domain=hook.domain, point_ids=[hook.id])]


@schema.exclude(path_regex="^/(hooks|resources)").parametrize()
@BOUNDED
def test_the_api_keeps_its_contract(case: Case[Any], asking: Caller) -> None:
    ask(case, asking)


@samples.exclude(path_regex="^/(hooks|resources)").parametrize()
@FEW
def test_the_api_keeps_its_contract_whoever_asks(
    case: Case[Any], limited: Sequence[Caller]
) -> None:
    for caller in limited:
        ask(case, caller)


def ask(case: Case[Any], caller: Caller) -> None:
    if str((case.query or {}).get("wait")) in map(str, range(1, 26)):
        case.query["wait"] = 0  # what waits is a test of its own
    # Of many sends each is judged alone, so bad ones are answered 200.
    checks = CHECKS if case.method == "POST" else [*CHECKS, negative_data_rejection]

    case.call_and_validate(headers={"Authorization": f"Bearer {caller.secret}"}, checks=checks)


@schema.include(path_regex="/hooks").parametrize()
@BOUNDED
def test_a_hook_keeps_its_contract(case: Case[Any], hook: Point) -> None:
    case.path_parameters["token"] = hook.token_local

    response = case.call_and_validate(checks=CHECKS)

    assert response.status_code in (200, 400)


@given(raw=st.binary(max_size=200), kind=st.text(st.characters(codec="ascii"), max_size=20))
@MANY
def test_any_bytes_are_kept(service: Service, hook: Point, raw: bytes, kind: str) -> None:
    answer = service.hook(hook, raw, content_type=kind.replace("\n", "").replace("\r", ""))

    assert answer.status_code in (200, 400)
    row = service.rows("SELECT raw FROM quarantine WHERE id = :id", id=answer.json["id"])
    assert row == [{"raw": raw}] or answer.status_code == 200


@given(value=JSON | RECEIPTS | st.lists(RECEIPTS | JSON, max_size=3), zipped=st.booleans())
@MANY
def test_any_json_is_kept(service: Service, hook: Point, value: Any, *, zipped: bool) -> None:
    raw = json.dumps(value).encode()

    answer = service.hook(hook, gzip.compress(raw, mtime=0) if zipped else raw)

    assert answer.status_code in (200, 400)
    results = answer.json.get("results", [answer.json])
    assert all(each["result"] in ("accepted", "duplicate", "quarantined") for each in results)


@given(value=st.dictionaries(KEYS, JSON, min_size=1, max_size=6))
@BOUNDED
def test_any_exchange_is_recorded_or_refused(asking: Caller, value: Any) -> None:
    for exchange in ({"request": value}, {"request": {"to": ["4"], **value}, "response": value}):
        answer = asking.post("/sends", data=json.dumps(exchange).encode())

        assert answer.status_code in (200, 201, 400), answer.json
