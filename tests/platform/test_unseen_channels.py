"""Notifications of channels without a sample: written from the contract's tables."""

import json
from typing import Any

import pytest

from receiver.domain.facts import Kind, Notice, Receipt
from receiver.platform.recognise import recognise


def of(notification: object) -> Receipt | Notice:
    body = recognise(json.dumps(notification).encode()).elements[0].body
    assert isinstance(body, Receipt | Notice)
    return body


def make_receipt(**inner: Any) -> dict[str, Any]:
    given = {"deliveryStatus": "Delivered", "code": "7500", "timeStamp": "2024-02-07T14:52:10Z"}
    return {"deliveryInfoNotification": {"deliveryInfo": given | inner, "transid": "t-1"}}


@pytest.mark.parametrize(
    ("reported", "channel"),
    [
        ("SMS", "sms"),
        ("sms", "sms"),
        ("fb", "messenger"),
        ("Facebook Messenger", "messenger"),
        ("rt", "rt"),
        ("Rtm", "rt"),
        ("appmessaging", "rt"),
        ("In-App", "rt"),
        ("push", "push"),
        ("twitter", "twitter"),
        ("WeChat", "wechat"),
        ("applebusinesschat", "apple"),
        ("AppleBusinessChat", "apple"),
        ("instagram", "instagram"),
        ("Google Business", "googlebusiness"),
        ("Viber", "viber"),
    ],
)
def test_channel_has_one_name(reported: str, channel: str) -> None:
    assert of(make_receipt(deliveryChannel=reported)).channel == channel


def test_push_read_with_an_interaction_is_a_receipt() -> None:
    token = "ejS3Ao5:APA91b" + "x" * 140
    fact = of(
        make_receipt(
            deliveryChannel="push",
            deliveryStatus="Read",
            destination=token,
            destinationType="android_pushid",
            pushId=token,
            deviceid="",
            interaction={"Button_Pressed": "Yes", "pushref": "r-1"},
        )
    )

    assert isinstance(fact, Receipt)
    assert (fact.destination, fact.destination_type) == (token, "android_pushid")


def test_clicked_of_rtm_has_its_ids_inside() -> None:
    fact = of(
        {
            "deliveryInfoNotification": {
                "deliveryInfo": {
                    "deliveryChannel": "rt",
                    "deliveryStatus": "Clicked",
                    "interactiveData": {"identifier": "i", "type": "url", "title": "t", "url": "u"},
                    "subtid": "",
                    "transid": "t-9",
                    "callbackData": "cb",
                    "correlationid": "c-9",
                    "destination": "9727",
                    "destinationType": "userid",
                }
            }
        }
    )

    assert isinstance(fact, Receipt)
    assert (fact.transid, fact.correlationid, fact.callback_data) == ("t-9", "c-9", "cb")


def test_destination_of_apple_stays_as_it_came() -> None:
    urn = "urn:mbid:AQAAY45PVG4jg/ni/q6rWSYuu9d7Ga6K22bxp0iUmPkd+xr3yAbisjOmtYFzw6L="
    fact = of(make_receipt(deliveryChannel="applebusinesschat", destination=urn))

    assert isinstance(fact, Receipt)
    assert fact.destination == urn


@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        pytest.param(
            {"channel": "Rtm", "userId": "8953", "appId": "SA1", "event": "MO", "tid": "t"},
            {"kind": Kind.MESSAGE, "channel": "rt", "sender": "8953", "recipient": "SA1"},
            id="rtm",
        ),
        pytest.param(
            {"channel": "Rtm", "userId": "8953", "event": "TypingIndicator", "tid": "t"},
            {"kind": Kind.EVENT, "name": "TypingIndicator", "sender": "8953"},
            id="rtm-typing",
        ),
        pytest.param(
            {
                "channel": "Rtm",
                "userId": "8953",
                "event": "OnFormResponse",
                "tid": "t",
                "relatedTid": "R262895e4-2217-4eef-92ca-79fd0250c4a3",
            },
            {"kind": Kind.EVENT, "quoted": "262895e4-2217-4eef-92ca-79fd0250c4a3"},
            id="rtm-form",
        ),
        pytest.param(
            {
                "channel": "AppleBusinessChat",
                "abcUserId": "urn:mbid:A/b+c=",
                "abcAccountId": "acc",
                "appId": "a_1",
                "event": "MO",
                "tid": "t",
                "message": "\ufffc hello",
                "requestIdentifier": "req-1",
                "ts": "2024-03-28T21:21:03.763+05:30",
                "timestamp": "",
            },
            {
                "kind": Kind.MESSAGE,
                "channel": "apple",
                "sender": "urn:mbid:A/b+c=",
                "recipient": "a_1",
                "quoted": "req-1",
                "text": "\ufffc hello",
            },
            id="apple",
        ),
        pytest.param(
            {
                "channel": "AppleBusinessChat",
                "abcUserId": "u",
                "event": "FormResponse",
                "tid": "t",
                "response": {"transid": "not ours"},
            },
            {"kind": Kind.EVENT, "tid": "t", "transid": ""},
            id="apple-form-keeps-its-response-inside",
        ),
        pytest.param(
            {
                "channel": "instagram",
                "igsid": "76",
                "appId": "a_2",
                "event": "MO",
                "tid": "t_0",
                "attachmentType": "image",
                "attachmentUrl": "https://example.com/i.jpg",
                "timestamp": "1654247759591",
            },
            {
                "kind": Kind.MESSAGE,
                "sender": "76",
                "attachments": ({"type": "image", "url": "https://example.com/i.jpg"},),
                "zone_assumed": False,
            },
            id="instagram",
        ),
        pytest.param(
            {"channel": "WeChat", "openId": "oA4", "appId": "wx", "event": "MO", "tid": "t"},
            {"kind": Kind.MESSAGE, "channel": "wechat", "sender": "oA4", "recipient": "wx"},
            id="wechat",
        ),
        pytest.param(
            {"channel": "Viber", "viberId": "v1", "appId": "a_3", "tid": "t", "message": "hi"},
            {"kind": Kind.MESSAGE, "channel": "viber", "sender": "v1", "text": "hi"},
            id="unknown-channel",
        ),
        pytest.param(
            {"channel": "WhatsApp", "waid": "", "bsuid": "GB.21", "event": "MO", "tid": "t"},
            {"sender": "GB.21"},
            id="whatsapp-without-number",
        ),
        pytest.param(
            {"channel": "rcs", "msisdn": "+44", "event": "Location", "tid": "t"},
            {"kind": Kind.EVENT, "name": "Location", "sender": "+44"},
            id="rcs-location",
        ),
    ],
)
def test_notice_of_a_channel_without_sample(
    notification: dict[str, Any], expected: dict[str, Any]
) -> None:
    fact = of(notification)

    assert {field: getattr(fact, field) for field in expected} == expected


def test_object_in_the_attachments_string_of_twitter_is_one_list() -> None:
    listed = '{"data":[{"id":758666866629804032,"image_data":{"url":"https://example.com/a.jpg"}}]}'
    fact = of(
        {
            "channel": "Twitter",
            "twitterId": "3223165326",
            "twitterHandle": "someone",
            "appId": "a_6",
            "event": "MO",
            "tid": "t",
            "message": "",
            "attachments": listed,
        }
    )

    assert isinstance(fact, Notice)
    assert fact.sender == "3223165326"
    # longer than a browser can hold in a number
    assert fact.attachments[0]["id"] == "758666866629804032"
    assert fact.attachments[0]["image_data"] == {"url": "https://example.com/a.jpg"}
