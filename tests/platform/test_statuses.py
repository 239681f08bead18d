"""Answers of the platform to the question what became of a transaction."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import PayloadError
from receiver.domain.facts import Receipt
from receiver.domain.questions import Finding
from receiver.domain.status import status_of
from receiver.platform.statuses import MOST_STATUSES, Answered, parse_statuses, understand
from tests.platform.test_laws import SCALARS, assert_storable

TRANSID = "4be2fac9-d3c7-50d7-aa40-e4a676461eb2"
SAMPLES = Path(__file__).parents[1] / "payloads"


def element(**more: Any) -> dict[str, Any]:
    """One of an answer, as the platform's own page shows it."""
    return {
        "transactionid": TRANSID,
        "clientid": "412",
        "api_version": "v1",
        "type": "outbound-api",
        "from": "VM-CONNECT",
        "to": "440000000114",
        "body": "request JSON",
        "channel": "SMS",
        "status": "sent",
        "date_created": "Mon, 16 Aug 2010 03:45:01 UTC",
        "last_updated": "Mon, 16 Aug 2010 03:45:03 UTC",
        "error_code": None,
        "error_message": None,
        **more,
    }


def answered(value: Any, *, http: int = 200, transid: str = TRANSID) -> Answered:
    return understand(http, json.dumps(value).encode(), transid=transid)


def told(**more: Any) -> Receipt:
    (status,) = answered([element(**more)]).statuses
    return status.receipt


def test_a_status_is_a_receipt() -> None:
    raw = json.dumps(element(error_code="7102", error_message="Invalid address")).encode()

    found = understand(200, b"[ " + raw + b" ]", transid=TRANSID)

    (status,) = found.statuses
    assert (found.finding, found.code, status.raw) == (Finding.TOLD, "", raw)
    assert status.receipt == Receipt(
        transid=TRANSID,
        destination="440000000114",
        destination_type="msisdn",
        channel="sms",
        raw_status="sent",
        code="7102",
        description="Invalid address",
        provider_at=datetime(2010, 8, 16, 3, 45, 3, tzinfo=UTC),
        provider_at_raw="Mon, 16 Aug 2010 03:45:03 UTC",
    )


@pytest.mark.parametrize(
    ("sample", "destination", "status"),
    [
        ("v1-transaction-status", "440000000114", "sent"),
        ("v2-status", "440000000113", "Submitted"),
        ("smsapi-v1-status", "+440000000112", "DELIVERED"),
    ],
)
def test_the_platforms_own_samples(sample: str, destination: str, status: str) -> None:
    raw = (SAMPLES / f"sms_messaging-response_{sample}.json").read_bytes()
    value = json.loads(raw)
    (inner,) = value if isinstance(value, list) else [value]
    transid = inner.get("transactionid") or inner["messageId"]

    (found,) = understand(200, raw, transid=transid).statuses

    assert found.receipt.transid == transid
    assert (found.receipt.destination, found.receipt.raw_status) == (destination, status)


@pytest.mark.parametrize(
    ("channel", "spelling", "name"),
    [
        ("SMS", "queued", "accepted"),
        ("SMS", "sent", "submitted"),
        ("SMS", "delivered", "delivered"),
        ("sms", "DELIVERED", "delivered"),
        ("SMS", "failed", "failed"),
        ("SMS", "expired", "undelivered"),
        ("voice", "answered", "delivered"),
        ("voice", "no answer", "undelivered"),
        ("voice", "rejected", "failed"),
        ("voice", "busy", "undelivered"),
        ("voice", "others", "unknown"),
    ],
)
def test_every_spelling_of_the_page_is_known(channel: str, spelling: str, name: str) -> None:
    receipt = told(channel=channel, status=spelling)

    assert status_of(receipt.channel, receipt.raw_status).name == name
    assert receipt.raw_status == spelling


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("Mon, 16 Aug 2010 03:45:03 UTC", datetime(2010, 8, 16, 3, 45, 3, tzinfo=UTC)),
        ("2010-08-16T03:45:03.5+05:45", datetime(2010, 8, 15, 22, 0, 3, 500000, tzinfo=UTC)),
        ("2010-08-16 03:45:03", datetime(2010, 8, 16, 1, 45, 3, tzinfo=UTC)),
        ("1281930303000", datetime(2010, 8, 16, 3, 45, 3, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_come_in_every_form(spelling: str | None, expected: datetime | None) -> None:
    raw = json.dumps([element(last_updated=spelling)]).encode()

    (status,) = understand(200, raw, transid=TRANSID, zone=ZoneInfo("Europe/Berlin")).statuses

    assert status.receipt.provider_at == expected


def test_when_it_was_made_is_not_when_it_became_so() -> None:
    assert told(last_updated="").provider_at is None


def test_each_of_several_recipients_is_told_with_its_own_bytes() -> None:
    elements = [element(to=f"44000000011{n}", status="delivered") for n in range(3)]

    found = answered(elements)

    assert [status.receipt.destination[-1] for status in found.statuses] == ["0", "1", "2"]
    assert [json.loads(status.raw) for status in found.statuses] == elements


def test_a_lone_object_and_other_names_are_understood_too() -> None:
    found = answered(
        {"messageId": TRANSID, "toType": "msisdn", "to": "+440000000112", "channel": "sms"}
        | {"status": "DELIVERED", "statusTime": "2024-09-04T08:51:56.000-04:00"}
    )

    (status,) = found.statuses
    assert status.receipt.provider_at == datetime(2024, 9, 4, 12, 51, 56, tzinfo=UTC)
    assert (status.receipt.transid, status.receipt.destination) == (TRANSID, "+440000000112")


@pytest.mark.parametrize("suffix", ["", "_0", "_1"])
def test_what_speaks_of_the_same_request_is_ours(suffix: str) -> None:
    assert told(transactionid=TRANSID + suffix).transid == TRANSID + suffix


def test_what_names_no_transaction_is_the_one_that_was_asked_for() -> None:
    (status,) = answered([element(transactionid=None)], transid="otp-17").statuses

    assert status.receipt.transid == "otp-17"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([], id="empty"),
        pytest.param({}, id="nothing"),
        pytest.param([element(transactionid="another")], id="another-transaction"),
        pytest.param([element(to="")], id="no-recipient"),
        pytest.param([element(to=["440000000114", "440000000115"])], id="several-recipients"),
        pytest.param([element(status=None)], id="no-status"),
        pytest.param([None, 7, "delivered", []], id="no-objects"),
        pytest.param({"status": 404, "error": "Not Found", "path": "/"}, id="a-framework's-error"),
    ],
)
def test_what_tells_of_no_recipient_is_nothing(value: Any) -> None:
    assert answered(value) == Answered(finding=Finding.NOTHING)


@pytest.mark.parametrize(
    ("http", "value", "finding", "code"),
    [
        (200, {"response": {"code": "7001", "description": "no"}}, Finding.REFUSED, "7001"),
        (200, {"response": [{"code": 7020}]}, Finding.BUSY, "7020"),
        (200, {"code": "7600", "message": "no result found"}, Finding.UNKNOWN, "7600"),
        (200, {"response": {"code": "7006"}}, Finding.FAILED, "7006"),
        (200, {"response": {"code": "1001"}}, Finding.NOTHING, "1001"),
        (400, {"code": "7004", "message": "Invalid parameter"}, Finding.UNKNOWN, "7004"),
        (403, {"code": "7010"}, Finding.REFUSED, "7010"),
        (401, {}, Finding.REFUSED, ""),
        (404, [], Finding.UNKNOWN, ""),
        (429, {}, Finding.BUSY, ""),
        (500, [element()], Finding.FAILED, ""),
        (302, {}, Finding.FAILED, ""),
    ],
)
def test_what_is_no_status_says_why(http: int, value: Any, finding: Finding, code: str) -> None:
    assert answered(value, http=http) == Answered(finding=finding, code=code)


@pytest.mark.parametrize(
    ("http", "raw", "finding"),
    [
        (200, b"<html>", Finding.UNREADABLE),
        (200, b"", Finding.UNREADABLE),
        (200, b'[{"status": "sent"', Finding.UNREADABLE),
        (200, b"[" + b"{}," * MOST_STATUSES + b"{}]", Finding.UNREADABLE),
        (401, b"", Finding.REFUSED),
        (404, b"<html>", Finding.UNKNOWN),
        (502, b"Bad Gateway", Finding.FAILED),
    ],
)
def test_what_is_no_answer_of_the_platform_is_told_by_its_http_status(
    http: int, raw: bytes, finding: Finding
) -> None:
    assert understand(http, raw, transid=TRANSID) == Answered(finding=finding)


KEYS = st.sampled_from(
    [
        *("transactionid", "transid", "to", "status", "channel", "error_code", "error_message"),
        *("last_updated", "date_created", "code", "response", "toType", "\0", "\ud800"),
    ]
)
VALUES = st.recursive(
    SCALARS | st.sampled_from([TRANSID, f"{TRANSID}_0", "440000000114", "delivered"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=25,
)


def assert_sound(raw: bytes) -> None:
    try:
        statuses, code = parse_statuses(raw, transid=TRANSID, zone=UTC)
    except PayloadError:
        return
    assert_storable([status.receipt for status in statuses])
    assert_storable(code)
    assert all(status.raw in raw for status in statuses)
    assert all(status.receipt.destination for status in statuses)


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_bytes_are_statuses_or_a_payload_error(raw: bytes, http: int) -> None:
    assert_sound(raw)
    assert understand(http, raw, transid=TRANSID).finding in set(Finding)


@given(VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=8)), st.integers(100, 599))
def test_any_json_is_statuses_or_a_payload_error(value: Any, http: int) -> None:
    raw = json.dumps(value).encode()

    assert_sound(raw)
    found = understand(http, raw, transid=TRANSID)
    assert bool(found.statuses) == (found.finding is Finding.TOLD)
