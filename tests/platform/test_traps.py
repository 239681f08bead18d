"""The traps of the contract, one by one."""

import json
from typing import Any

import pytest

from receiver.domain.facts import Kind
from tests.platform.bodies import as_bytes, make_receipt, notice_of, receipt_of, refusal_of


def test_keys_vary_in_case_and_spelling() -> None:
    fact = receipt_of(
        as_bytes(
            {
                "DeliveryInfoNotification": {
                    "delivery_info": {
                        "DeliveryStatus": "Failed",
                        "description": "why",
                        "additionalinfo": "more",
                        "timestamp": "2022-10-10T13:53:13Z",
                        "Destination": "44",
                    },
                    "TransId": "t-1",
                    "correlationId": "c-1",
                    "callback-data": "cb",
                }
            }
        )
    )

    assert (fact.transid, fact.correlationid, fact.callback_data) == ("t-1", "c-1", "cb")
    assert (fact.raw_status, fact.description, fact.additional_info) == ("Failed", "why", "more")
    assert fact.provider_at is not None


def test_ids_may_stand_beside_the_envelope() -> None:
    said = {"transid": "t-2", "correlationid": "c-2", **make_receipt({"transid": ""})}

    assert receipt_of(as_bytes(said)).transid == "t-2"


def test_inner_object_may_be_a_string() -> None:
    said = make_receipt()
    envelope = said["deliveryInfoNotification"]
    envelope["deliveryInfo"] = json.dumps(envelope["deliveryInfo"])

    assert receipt_of(as_bytes(said)).raw_status == "Delivered"
    assert receipt_of(as_bytes({"deliveryInfoNotification": json.dumps(envelope)})).transid == "t-1"


def test_inner_fields_may_stand_in_the_envelope() -> None:
    envelope = {"transid": "t-1", "deliveryStatus": "Read", "destination": "44", "code": 7502}

    fact = receipt_of(as_bytes({"deliveryInfoNotification": envelope}))

    assert (fact.raw_status, fact.destination, fact.code) == ("Read", "44", "7502")


@pytest.mark.parametrize(
    ("value", "text"),
    [("7500", "7500"), (7500, "7500"), (True, "true"), (False, "false"), (None, ""), (1.5, "1.5")],
)
def test_scalars_of_any_type_are_texts(value: object, text: str) -> None:
    assert receipt_of(as_bytes(make_receipt(code=value))).code == text


@pytest.mark.parametrize(
    ("count", "segments"),
    [("1", 1), (2, 2), ("32767", 32767), ("32768", None), ("-1", None), ("", None), ("x", None)],
)
def test_segments_fit_their_column(count: object, segments: int | None) -> None:
    assert receipt_of(as_bytes(make_receipt(messageCount=count))).segments == segments


@pytest.mark.parametrize("transid", ["", "  ", None, [], {}])
def test_receipt_without_transid_is_a_bad_field(transid: object) -> None:
    error = refusal_of(as_bytes(make_receipt({"transid": transid})))

    assert error.reason == "bad_field"
    assert set(error.fields) == {"deliveryInfoNotification.transid"}


def test_receipt_without_status_is_a_bad_field() -> None:
    error = refusal_of(as_bytes(make_receipt(deliveryStatus="")))

    assert set(error.fields) == {"deliveryInfoNotification.deliveryInfo.deliveryStatus"}


@pytest.mark.parametrize("envelope", [None, "", "text", 7, [], ["a"], True])
def test_envelope_that_is_no_object_is_a_bad_field(envelope: object) -> None:
    assert refusal_of(as_bytes({"deliveryInfoNotification": envelope})).reason == "bad_field"


def test_unknown_status_and_channel_are_kept() -> None:
    fact = receipt_of(as_bytes(make_receipt(deliveryStatus="Teleported", deliveryChannel="Fax")))

    assert (fact.raw_status, fact.channel) == ("Teleported", "fax")


def test_receipt_without_destination_is_one() -> None:
    assert receipt_of(as_bytes(make_receipt(destination=None))).destination == ""


def test_status_is_never_taken_from_the_code() -> None:
    assert receipt_of(
        as_bytes(make_receipt(deliveryStatus="Submitted", code="7102"))
    ).raw_status == ("Submitted")


def test_extra_keys_of_voice_and_data_streams_change_nothing() -> None:
    said = {"deliveryTransInfo": "<xml/>", "dataIntegration": [{"a": 1}], **make_receipt()}

    assert receipt_of(as_bytes(said)) == receipt_of(as_bytes(make_receipt()))


def test_long_ids_become_hashes_and_long_texts_are_cut() -> None:
    said = make_receipt(
        {"transid": "t" * 600, "correlationid": "é" * 300}, Description="d" * 20_000
    )

    fact = receipt_of(as_bytes(said))

    assert fact.transid.startswith("sha256:")
    assert fact.correlationid.startswith("sha256:")
    assert len(fact.description) == 10_000


def test_long_destinations_still_differ() -> None:
    one, two = (receipt_of(as_bytes(make_receipt(destination="a" * 5_000 + end))) for end in "xy")

    assert one.destination != two.destination


@pytest.mark.parametrize("bad", ["\0", "\ud800", "a\udfffb\0"])
def test_unstorable_characters_are_replaced(bad: str) -> None:
    fact = receipt_of(as_bytes(make_receipt({"transid": f"t{bad}"}, Description=bad)))

    assert fact.transid.startswith("t\ufffd") or "\ufffd" in fact.transid
    assert fact.description.isprintable()
    fact.description.encode()


def test_unstorable_characters_are_replaced_in_trees_too() -> None:
    said = {"channel": "x", "tid": "t", "a\0": {"b\ud800": ["\0"]}, "attachments": [{"n\0": "\0"}]}

    fact = notice_of(said)

    assert fact.details == {"a\ufffd": {"b\ufffd": ["\ufffd"]}}
    assert fact.attachments == ({"n\ufffd": "\ufffd"},)


def test_repeated_key_means_its_last_value() -> None:
    raw = b'{"deliveryInfoNotification":{"deliveryStatus":"Read","transid":"a","transid":"b"}}'

    assert receipt_of(raw).transid == "b"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"channel": "Email", "event": "Inbound Message", "tid": "t"}, Kind.MESSAGE),
        ({"Channel": "SMS", "oa": "1", "da": "2", "tid": "t"}, Kind.MESSAGE),
        ({"channel": "WhatsApp", "messageId": "m"}, Kind.MESSAGE),
        ({"channel": "WhatsApp", "waid": "44", "message": "hi"}, Kind.MESSAGE),
        ({"oa": "1", "da": "2", "message": "hi"}, Kind.MESSAGE),
        ({"channel": "rcs", "event": "SUBSCRIBE"}, Kind.EVENT),
        ({"event": "ANSWERED", "sessionId": "s"}, Kind.CALL),
        ({"event": "ANSWERED", "sessionId": "s", "channel": "voice"}, Kind.CALL),
        ({"event": "reply", "sessionId": "s", "channel": "WhatsApp", "tid": "t"}, Kind.EVENT),
        ({"transid": "t"}, Kind.EVENT),
        ({"correlationId": "c"}, Kind.EVENT),
        ({"response": [{"code": "1002", "transid": "t"}]}, Kind.EVENT),
        ({"response": {"code": "7001", "transid": "t"}}, Kind.EVENT),
    ],
)
def test_kind_is_found_from_the_content(said: dict[str, Any], kind: Kind) -> None:
    assert notice_of(said).kind is kind


@pytest.mark.parametrize(
    "said",
    [
        *({}, {"hello": "world"}, {"transid": ""}, {"response": []}, {"response": "ok"}),
        *({"channel": "SMS"}, {"event": "MO"}, {"sessionId": "s"}, {"tid": "t"}),
    ],
)
def test_object_that_is_none_of_these_is_unrecognised(said: dict[str, Any]) -> None:
    assert refusal_of(as_bytes(said)).reason == "unrecognised"


def test_profile_result_is_one_that_names_its_transaction() -> None:
    fact = notice_of({"TotalCount": 1, "code": "1000", "Results": [{"code": "1"}], "transid": "t"})

    assert (fact.kind, fact.transid) == (Kind.PROFILE, "t")
    assert fact.details == {"TotalCount": 1, "code": "1000", "Results": [{"code": "1"}]}


def test_answer_in_an_envelope_is_taken_out_of_it() -> None:
    fact = notice_of({"response": [{"code": "1002", "description": "Queued", "transid": "t"}]})

    assert (fact.transid, fact.details) == ("t", {"code": "1002", "description": "Queued"})


def test_oa_is_the_customer() -> None:
    fact = notice_of({"channel": "SMS", "oa": "447700900123", "da": "56263", "tid": "t"})

    assert (fact.sender, fact.recipient) == ("447700900123", "56263")


def test_letter_l_in_user_id_is_a_slip() -> None:
    assert notice_of({"channel": "Rtm", "userld": "7", "event": "MO", "tid": "t"}).sender == "7"


def test_templates_stay_as_they_are() -> None:
    said = {"channel": "SMS", "oa": "$(msisdn)", "da": "$(service_code)", "tid": "$(tid)"}

    fact = notice_of(said | {"message": "$(actual_message)", "ts": "$(ts)"})

    assert (fact.sender, fact.text, fact.tid) == ("$(msisdn)", "$(actual_message)", "$(tid)")
    assert (fact.provider_at, fact.provider_at_raw) == (None, "$(ts)")


@pytest.mark.parametrize("to", ["[a@b]", ["a@b"], '["a@b"]', "a@b", [{"email": "a@b"}]])
def test_mail_address_in_any_form(to: object) -> None:
    assert notice_of({"channel": "Email", "tid": "t", "event": "MO", "to": to}).recipient == "a@b"


@pytest.mark.parametrize("empty", ["", "[]", [], {}, "{}", None])
def test_nothing_attached_is_nothing(empty: object) -> None:
    assert notice_of({"channel": "x", "tid": "t", "attachments": empty}).attachments == ()


@pytest.mark.parametrize(
    "value",
    [[{"url": "u"}], {"url": "u"}, '[{"url":"u"}]', '{"url":"u"}', '{"data":[{"url":"u"}]}'],
)
def test_attachments_in_any_form_are_a_list(value: object) -> None:
    assert notice_of({"channel": "x", "tid": "t", "attachments": value}).attachments == (
        {"url": "u"},
    )


def test_transaction_of_a_message_itself_names_no_send() -> None:
    assert notice_of({"channel": "Rtm", "tid": "t", "transid": "t", "event": "MO"}).transid == ""


def test_long_text_is_kept_whole() -> None:
    assert (
        len(notice_of({"channel": "x", "tid": "t", "message": "m" * 1_000_000}).text) == 1_000_000
    )
