"""Every documented notification gets its kind, and the fields that matter."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from receiver.domain.facts import Kind, Notice, Receipt
from receiver.platform.recognise import recognise

PAYLOADS: Final = Path(__file__).parents[1] / "payloads"
KINDS: Final = {"dr": Kind.RECEIPT, "mo": Kind.MESSAGE, "event": Kind.EVENT, "call": Kind.CALL}
INBOUND: Final = [
    sample
    for sample in json.loads((PAYLOADS / "MANIFEST.json").read_bytes())["samples"]
    if sample["direction"] == "inbound-webhook"
]


def of_sample(name: str) -> Receipt | Notice:
    element = recognise((PAYLOADS / f"{name}.json").read_bytes()).elements[0]
    assert isinstance(element.body, Receipt | Notice)
    return element.body


@pytest.mark.parametrize("sample", [pytest.param(one, id=one["file"]) for one in INBOUND])
def test_inbound_sample_has_its_kind_and_channel(sample: dict[str, str]) -> None:
    fact = of_sample(sample["file"].removesuffix(".json"))

    assert fact.kind is KINDS[sample["kind"]]
    assert fact.channel == sample["channel"]


@pytest.mark.parametrize(
    "sample",
    [pytest.param(one, id=one["file"]) for one in INBOUND if one["kind"] in ("dr", "mo")],
)
def test_every_receipt_and_message_has_its_id_its_people_and_its_time(
    sample: dict[str, str],
) -> None:
    fact = of_sample(sample["file"].removesuffix(".json"))

    if isinstance(fact, Receipt):
        assert all((fact.transid, fact.raw_status, fact.code, fact.destination, fact.description))
        assert fact.destination_type
    else:
        assert all((fact.tid, fact.sender, fact.recipient))
    assert fact.provider_at is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "sms_dr_delivered",
            {
                "transid": "211de923-c27d-5296-a83f-fab5b0146f53",
                "destination": "440000000103",
                "destination_type": "msisdn",
                "raw_status": "Delivered",
                "code": "7500",
                "carrier": "USTMO",
                "segments": 1,
                "provider_at": datetime(2022, 10, 10, 12, 53, 13, 749_000, tzinfo=UTC),
                "provider_at_raw": "2022-10-10T13:53:13.749+01:00",
                "zone_assumed": False,
            },
            id="sms-delivered",
        ),
        pytest.param(
            "sms_dr_legacy-submitted",
            {
                "correlationid": "order-1001",
                "callback_data": "return callbackdata",
                "segments": None,
                "zone_assumed": True,
            },
            id="sms-2016",
        ),
        pytest.param("email_dr_legacy-submitted", {"destination_type": "email"}, id="emailid"),
        pytest.param(
            "rcs_dr_delivered", {"destination_type": "msisdn", "carrier": "8"}, id="rcs-no-type"
        ),
        pytest.param("messenger_dr_submitted", {"raw_status": "Submited"}, id="one-t"),
        pytest.param(
            "whatsapp_dr_read",
            {"transid": "e5a2d142-58b6-5add-8cc7-758791779bb1_0", "destination_type": "waid"},
            id="whatsapp-suffix-kept",
        ),
        pytest.param(
            "email_mo_attachments",
            {
                "name": "MO",
                "sender": "sender@example.net",
                "recipient": "in@example.com",
                "subject": "Email Subject Line",
                "text": "hi",
            },
            id="email",
        ),
        pytest.param(
            "email_mo_inline-image",
            {"name": "Inbound Message", "recipient": "operations@example.com"},
            id="email-to-in-a-string",
        ),
        pytest.param(
            "email_event_subscribe",
            {
                "sender": "customer@example.net",
                "recipient": "promotions@example.com",
                "correlationid": "6c86c241-ad53-5e27-9a56-bf032edf9221",
            },
            id="email-subscribe",
        ),
        pytest.param(
            "sms_mo_legacy",
            {
                "sender": "440000000201",
                "recipient": "440000000301",
                "text": "Simple Text",
                "provider_at": datetime(2015, 4, 12, 13, 0, 19, 456_000, tzinfo=UTC),
                "zone_assumed": False,
            },
            id="sms-message",
        ),
        pytest.param("mms_mo_current", {"text": "", "sender": "440000000802"}, id="mms"),
        pytest.param(
            "messenger_event_postback",
            {"name": "OnPostback", "text": "1232", "sender": "1037000000000001"},
            id="postback-in-a-string",
        ),
        pytest.param("rcs_event_postback", {"text": "Yes"}, id="rcs-postback"),
        pytest.param(
            "whatsapp_event_list",
            {"text": "Row-title-1", "quoted": "gBEGkYCWEgQIAAAA", "sender": "440000000408"},
            id="whatsapp-list",
        ),
        pytest.param("whatsapp_event_postback", {"text": "Yes"}, id="whatsapp-button"),
        pytest.param(
            "voice_call_vmdetected",
            {
                "name": "VMDETECTED",
                "tid": "f6f344bb-c66e-5fd0-96be-ebe27dfdacbb",
                "transid": "4975b326-6b8d-5e90-9580-d3d4cb6ce465",
                "correlationid": "test123",
                "sender": "+440000000601",
                "recipient": "+440000000602",
                "provider_at": datetime(2025, 1, 8, 16, 14, 57, 125_000, tzinfo=UTC),
            },
            id="call",
        ),
    ],
)
def test_sample_has_these_fields(name: str, expected: dict[str, Any]) -> None:
    fact = of_sample(name)

    assert {field: getattr(fact, field) for field in expected} == expected


def test_inline_content_leaves_its_size() -> None:
    fact = of_sample("email_mo_attachments")

    assert isinstance(fact, Notice)
    assert list(fact.attachments) == [
        {
            "bytes": 4,
            "name": "project.xml",
            "contentType": "application/xml",
            "contentTransferEncoding": "base64",
        }
    ]


def test_files_of_an_mms_are_attachments() -> None:
    fact = of_sample("mms_mo_current")

    assert isinstance(fact, Notice)
    assert [one["file"] for one in fact.attachments] == [
        "http://example.com/a.jpg",
        "http://example.com/a.smil",
    ]


def test_contacts_are_opened_in_details() -> None:
    fact = of_sample("whatsapp_mo_contact")

    assert isinstance(fact, Notice)
    assert fact.attachments == ()
    assert fact.details["contacts"][0]["name"]["formatted_name"] == "Test User"
    assert fact.details["username"] == "Test User"


def test_call_keeps_numbers_and_errors_in_details() -> None:
    played, dropped = of_sample("voice_call_played"), of_sample("voice_call_dropped")

    assert isinstance(played, Notice)
    assert isinstance(dropped, Notice)
    assert played.details == {"status": "SUCCESS", "playedDuration": 1}
    assert dropped.details["error"]["code"] == "2008"
