"""Sends out of requests and answers, as the platform's own samples show them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from receiver.domain.errors import BadInputError
from receiver.domain.facts import Answer, Destination, Origin, Send, State
from receiver.platform.exchange import parse_exchange

PAYLOADS: Final = Path(__file__).parents[1] / "payloads"
NUMBER: Final = "440000000101"


def sample(name: str) -> Any:
    return json.loads((PAYLOADS / f"sms_messaging-{name}.json").read_bytes())


def make_request(**more: Any) -> dict[str, Any]:
    request = {"deliverychannel": "sms", "channels": {"sms": {"text": "hi", "senderid": "DEMOBK"}}}
    return request | {"destination": [{"msisdn": [NUMBER]}]} | more


def make_answer(transid: str, code: str = "1001") -> dict[str, Any]:
    return {"code": code, "description": "Queued", "transid": transid}


def only(request: Any, response: Any, *, http: int | None = None) -> Send:
    (send,) = parse_exchange(request, response, http=http)
    return send


def values_of(send: Send) -> list[str]:
    return [one.value for one in send.destinations]


def test_simple_send_is_accepted() -> None:
    send = only(sample("request_v1-simple"), sample("response_v1-queued"), http=200)

    assert send == Send(
        transid="6afccdfe-6277-5a03-a696-25c0b530addb",
        origin=Origin.EXCHANGE,
        state=State.ACCEPTED,
        correlationid="cid",
        channel="sms",
        sender="DEMOBK",
        destinations=(Destination(value=NUMBER, type="msisdn"),),
        text="Sending first SMS",
        answer=Answer(http=200, code="1001", description="Queued"),
    )


def test_full_send_has_its_options() -> None:
    send = only(sample("request_v1-full"), {"response": [make_answer("t-1")]})

    assert (send.correlationid, send.callback_data) == ("sgh3tvk", "kopwest4kfr")
    assert send.expires_at == datetime(2015, 4, 12, 18, 51, 19, tzinfo=UTC)
    assert send.destinations == (
        Destination(value=NUMBER, type="msisdn", correlationid="sgh3tvkpert"),
    )


def test_batch_is_paired_by_position() -> None:
    sends = parse_exchange(sample("request_v1-batch"), sample("response_v1-batch"))

    base = "ae720f79-bbb5-5282-84d5-69965f570519"
    assert [(send.transid, send.text, values_of(send)) for send in sends] == [
        (base, "Hi 4", ["440000000104"]),
        (f"{base}_1", "Hi 5", ["440000000105"]),
        (f"{base}_2", "Hi 6", ["440000000106"]),
    ]


def test_v2_answer_names_a_message_id() -> None:
    answer = {
        "requestTimestamp": "2024-09-04T08:51:47.571-04:00",
        "messageId": "m-1",
        "correlationId": "RES-123",
        "status": "queued",
    }

    send = only(sample("request_v2"), answer, http=201)

    assert (send.transid, send.state, send.correlationid) == ("m-1", State.ACCEPTED, "RES-123")
    assert (send.sender, send.text, send.callback_data) == (
        "16690000000",
        "Hi $(name)",
        "reservation",
    )
    assert send.destinations == (
        Destination(value="+440000000110", type="msisdn", correlationid="RES-123"),
    )
    assert send.answer is not None
    assert send.answer.at == datetime(2024, 9, 4, 12, 51, 47, 571_000, tzinfo=UTC)


def test_sms_api_names_no_channel() -> None:
    request = {"from": "12345678912", "to": "+440000000112", "content": "c", "contentType": "text"}

    send = only(request, {"acceptedTime": "2024-09-04T08:51:47Z", "messageId": "m-2"}, http=202)

    assert (send.channel, send.text, send.transid) == ("sms", "c", "m-2")
    assert send.destinations == (Destination(value="+440000000112", type="msisdn"),)


def test_channels_name_the_channel() -> None:
    request = make_request(deliverychannel=None)

    assert only(request, None).channel == "sms"


def test_channel_may_be_nested() -> None:
    content = {"type": "text", "text": {"body": "hello"}}
    request = {
        "appid": "a_1",
        "channels": {"OTT-Messaging": {"wa": content}},
        "destination": [{"waid": ["447700900123"]}],
    }

    send = only(request, None)

    assert (send.channel, send.text, send.sender) == ("whatsapp", "hello", "a_1")
    assert send.destinations == (Destination(value="447700900123", type="waid"),)


def test_template_is_noted() -> None:
    request = make_request(channels={"sms": {}}, message={"template": "1"})

    send = only(request, None)

    assert (send.text, send.metadata) == ("", {"template": "1"})


def test_destinations_of_all_objects_and_lists_are_counted() -> None:
    named = [{"msisdn": ["1", "2"], "correlationid": "c"}, {"email": ["a@b"], "cc": ["c@d"]}]

    send = only(make_request(destination=named), {"response": [make_answer("t-1")]})

    assert [(one.value, one.type, one.correlationid) for one in send.destinations] == [
        ("1", "msisdn", "c"),
        ("2", "msisdn", "c"),
        ("a@b", "email", ""),
        ("c@d", "email", ""),
    ]


def test_as_many_answers_as_destinations_are_paired_with_them() -> None:
    request = make_request(destination=[{"msisdn": ["1", "2"]}, {"msisdn": "3"}])
    answers = [make_answer("t"), make_answer("t_1"), make_answer("t_2", code="7101")]

    sends = parse_exchange(request, {"response": answers})

    assert [(send.transid, values_of(send), send.state) for send in sends] == [
        ("t", ["1"], State.ACCEPTED),
        ("t_1", ["2"], State.ACCEPTED),
        ("t_2", ["3"], State.REFUSED),
    ]


def test_other_counts_give_each_answer_every_destination() -> None:
    request = make_request(destination=[{"msisdn": ["1", "2", "3"]}])

    sends = parse_exchange(request, {"response": [make_answer("t"), make_answer("t_1")]})

    assert [values_of(send) for send in sends] == [["1", "2", "3"]] * 2


@pytest.mark.parametrize(
    ("response", "http", "state", "transid", "code"),
    [
        pytest.param(
            {"response": make_answer("t", "1000")}, 200, "accepted", "t", "1000", id="1000"
        ),
        pytest.param(
            {"response": make_answer("t", "1002")}, 200, "accepted", "t", "1002", id="1002"
        ),
        pytest.param(
            {"response": make_answer("t", "7001")}, 200, "refused", "t", "7001", id="object"
        ),
        pytest.param({"code": "7004", "message": "m"}, 400, "refused", "", "7004", id="v2-refusal"),
        pytest.param({"code": 7004, "message": "m"}, None, "refused", "", "7004", id="number"),
        pytest.param(None, None, "unconfirmed", "", "", id="no-answer"),
        pytest.param(None, 503, "unconfirmed", "", "", id="503"),
        pytest.param(None, 401, "refused", "", "", id="401-has-no-body"),
        pytest.param({"response": []}, 200, "unconfirmed", "", "", id="empty"),
        pytest.param({"response": {"code": "1001"}}, 200, "unconfirmed", "", "1001", id="no-id"),
    ],
)
def test_answer_decides_the_state(
    response: Any, http: int | None, state: str, transid: str, code: str
) -> None:
    send = only(make_request(), response, http=http)

    assert (send.state, send.transid) == (State(state), transid)
    assert (send.answer.code if send.answer else "") == code


def test_one_refusal_answers_a_whole_batch() -> None:
    sends = parse_exchange(sample("request_v1-batch"), sample("response_v1-invalid-json"))

    assert [send.state for send in sends] == [State.REFUSED] * 3


@pytest.mark.parametrize(
    ("request_", "response", "path"),
    [
        ("text", None, "request"),
        (None, None, "request"),
        ([], None, "request"),
        ({"hello": 1}, None, "request"),
        ([make_request(), 7], None, "request.1"),
        (make_request(destination=[True]), None, "request.destination.0"),
        (make_request(), "OK", "response"),
        (make_request(), [7], "response.0"),
        ([make_request()] * 3, {"response": [make_answer("a"), make_answer("b")]}, "response"),
    ],
)
def test_what_cannot_be_understood_is_named(request_: Any, response: Any, path: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_exchange(request_, response)

    assert set(caught.value.fields) == {path}
