"""Messages through the gateway: what goes on, what comes back, and what the ledger knows of it."""

import gzip
import json
from typing import Any
from uuid import UUID

import pytest

from tests.gateway.conftest import MESSAGING, Client
from tests.gateway.upstream import Upstream, entry, says
from tests.web.service import Service, make_caller, make_transid, receipt

NUMBER = "447700900123"


def message(*numbers: str, **more: Any) -> dict[str, Any]:
    channel = {"text": "Hello", "senderid": "DEMOBK"}
    named = [{"msisdn": list(numbers or (NUMBER,))}]
    return {
        "deliverychannel": "sms",
        "channels": {"sms": channel},
        "destination": named,
        **more,
    }


def test_the_answer_comes_back_as_it_came(client: Client, platform: Upstream) -> None:
    raw = b'{"response": [ {"code":"1001" , "transid":"f-1","description":"Queued"} ]}\n'
    platform.way = says(raw, X_RateLimit_Left="7", Retry_After="3", Set_Cookie="a=b")

    answer = client.send(message())

    assert (answer.status_code, answer.data) == (200, raw)
    assert answer.headers["Content-Type"] == "application/json"
    assert (answer.headers["X-RateLimit-Left"], answer.headers["Retry-After"]) == ("7", "3")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("http", [200, 202, 400, 403, 429, 500, 503])
def test_so_does_any_status(client: Client, platform: Upstream, http: int) -> None:
    raw = b'{"response":{"code":"7020","description":"no","transid":"t"}}'
    platform.way = says(raw, http=http)

    answer = client.send(message())

    assert (answer.status_code, answer.data) == (http, raw)
    assert (client.only()["state"], client.only()["answer"]["code"]) == ("refused", "7020")


def test_only_key_and_notifyurl_are_ours(client: Client, platform: Upstream) -> None:
    raw = (
        b'{ "notifyurl" :"https://mine.example/x", "deliverychannel":"sms","deliverychannel":"sms",'
        b'"n":1.50e+01,\t"u":"\\u00e9\xc3\xa9\\/", "notifyurl":"" }\r\n'
    )

    client.send(raw, Content_Type="application/JSON", X_Mine="a", Accept_Language="de")

    hook = json.dumps(client.hook_url).encode()
    mine = b'"https://mine.example/x"'
    assert platform.last.body == raw.replace(mine, hook).replace(
        b'"notifyurl":""', b'"notifyurl":' + hook
    )
    headers = platform.last.headers
    assert (headers["key"], headers["content-type"]) == ("service-key", "application/JSON")
    assert (headers["x-mine"], headers["accept-language"]) == ("a", "de")


def test_nothing_of_ours_goes_on(client: Client, platform: Upstream) -> None:
    client.caller.service.client.set_cookie("a", "b")
    client.send(
        message(),
        Authorization="Bearer x",
        Idempotency_Key="i",
        X_Tag="t",
        X_Forwarded_For="192.0.2.1",
    )

    names = {"authorization", "idempotency-key", "x-tag", "x-forwarded-for", "cookie"}
    assert names.isdisjoint(platform.last.headers)
    assert client.caller.secret not in str(platform.last)


def test_a_send_is_recorded_with_all_that_was_said(client: Client, platform: Upstream) -> None:
    transid = make_transid()
    platform.way = says({"response": [entry(transid, correlationid="sgh3tvk")]})
    asked = message(
        correlationid="sgh3tvk",
        notifyurl="https://mine.example/dr",
        callbackData="table=4",
        message={"template": "12"},
        expiry="2015-04-12T18:51:19",
        destination=[{"msisdn": [NUMBER], "correlationid": "sgh3tvkpert"}],
    )

    client.send(asked)

    sent = client.caller.send(transid)
    assert (sent["state"], sent["recorded"], sent["correlationid"]) == ("accepted", True, "sgh3tvk")
    assert (sent["channel"], sent["sender"], sent["text"]) == ("sms", "DEMOBK", "Hello")
    assert (sent["callback_data"], sent["tag"]) == ("table=4", "12")
    assert sent["metadata"] == {"template": "12"}
    assert sent["expires_at"].startswith("2015-04-12T18:51:19")
    assert sent["point"]["id"] == str(client.point.id)
    assert (sent["answer"]["http"], sent["answer"]["code"]) == (200, "1001")
    assert sent["requested_at"] <= sent["answer"]["at"]
    assert (sent["notify_url"], sent["reports_elsewhere"]) == ("https://mine.example/dr", False)
    (delivery,) = sent["deliveries"]
    assert (delivery["destination"], delivery["correlationid"]) == (NUMBER, "sgh3tvkpert")
    assert delivery["status"] == "accepted"
    assert [(each["kind"], each["source"]) for each in sent["timeline"]] == [
        ("request", "gateway"),
        ("answer", "gateway"),
    ]


def test_its_receipts_find_it(client: Client, platform: Upstream) -> None:
    transid = make_transid()
    client.caller.service.hook(client.point, receipt(transid, "Delivered"))
    platform.way = says({"response": [entry(transid)]})

    client.send(message())

    (delivery,) = client.caller.send(transid)["deliveries"]
    assert delivery["status"] == "delivered"
    assert delivery["latency_ms"] is not None


def test_a_batch_is_a_send_each(client: Client, platform: Upstream) -> None:
    batch = [message(f"44770090012{n}", notifyurl=f"https://mine.example/{n}") for n in range(3)]

    answer = client.send(batch)

    assert [each["notifyurl"] for each in platform.last.json] == [client.hook_url] * 3
    found = {send["transid"]: client.caller.send(send["id"]) for send in client.sends()}
    assert list(found) == [each["transid"] for each in reversed(answer.json["response"])]
    assert [found[each["transid"]]["notify_url"][-1] for each in answer.json["response"]] == [
        *"012"
    ]
    kept = client.caller.service.rows(
        "SELECT raw FROM recordings WHERE domain = :domain ORDER BY length(raw)",
        domain=client.caller.domain,
    )
    assert [b"part_of" in row["raw"] for row in kept] == [True, True, False]
    assert json.loads(kept[-1]["raw"])["request"] == batch


def test_destinations_are_told_apart_where_the_answer_does(
    client: Client, platform: Upstream
) -> None:
    platform.way = says({"response": [entry("d-1"), entry("d-2", code="7004")]})

    client.send(message("447700900124", "447700900125"))

    sends = {send["transid"]: client.caller.send(send["id"]) for send in client.sends()}
    assert {name: send["state"] for name, send in sends.items()} == {
        "d-1": "accepted",
        "d-2": "refused",
    }
    assert sends["d-1"]["deliveries"][0]["destination"] == "447700900124"


@pytest.mark.parametrize(
    ("response", "states"),
    [
        pytest.param(
            {"response": [entry("m-1"), entry("m-2")]},
            ["accepted"] * 2 + ["unconfirmed"],
            id="fewer",
        ),
        pytest.param(
            {"response": [entry(f"n-{n}") for n in range(4)]}, ["accepted"] * 4, id="more"
        ),
        pytest.param({"response": [entry("o-1"), 5, None]}, ["accepted"], id="scalars"),
        pytest.param({"response": {"code": "1001", "transid": 17}}, ["accepted"], id="a-number"),
        pytest.param({"response": [entry({"a": 1})]}, ["unconfirmed"] * 3, id="an-object"),  # type: ignore[arg-type]
        pytest.param({"response": [entry("registered:1")]}, ["unconfirmed"] * 3, id="our-own"),
        pytest.param({"response": "Queued"}, ["unconfirmed"] * 3, id="a-text"),
        pytest.param([], ["unconfirmed"] * 3, id="empty"),
        pytest.param(5, ["unconfirmed"] * 3, id="a-scalar"),
    ],
)
def test_an_answer_of_another_kind_is_passed_on_and_kept(
    client: Client, platform: Upstream, response: Any, states: list[str]
) -> None:
    platform.way = says(response)

    answer = client.send([message(), message(), message()])

    assert (answer.status_code, answer.json) == (200, response)
    assert sorted(send["state"] for send in client.sends()) == states


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"5", b'"text"', b"[5,{}]", b'{"destination": 5}'])
def test_what_asks_for_nothing_is_the_platforms_to_refuse(
    client: Client, platform: Upstream, raw: bytes
) -> None:
    platform.way = says({"response": {"code": "7003", "description": "missing", "transid": "t-x"}})

    answer = client.send(raw)

    assert answer.json["response"]["code"] == "7003"
    assert {send["state"] for send in client.sends()} == {"refused"}


def test_a_refusal_without_a_transid_is_under_our_id(client: Client, platform: Upstream) -> None:
    platform.way = says({"response": {"code": "7001", "description": "Authentication failed"}})

    client.send(message())

    (send,) = client.sends()
    assert (send["transid"], send["state"]) == (None, "refused")
    assert client.caller.send(send["id"])["deliveries"][0]["status"] == "failed"


def test_the_tag_is_the_callers_else_the_template(client: Client) -> None:
    client.send(message(message={"template": "9"}), X_Tag=" otp ")
    client.send(message(message={"template": "9"}))
    client.send(message(), X_Tag="x" * 300)

    assert {send["tag"] for send in client.sends()} == {"otp", "9", "x" * 100}


@pytest.mark.parametrize("header", ["key", "Authorization", "Bare-Authorization"])
def test_the_key_may_stand_in_either_header(
    client: Client, platform: Upstream, header: str
) -> None:
    secret = client.caller.secret
    headers = {
        "key": {"key": secret},
        "Authorization": {"Authorization": f"Bearer {secret}"},
        "Bare-Authorization": {"Authorization": secret},
    }[header]

    answer = client.caller.service.client.post(MESSAGING, json=message(), headers=headers)

    assert answer.status_code == 200
    assert platform.last.headers["key"] == "service-key"


def refused(answer: Any, code: str, *, http: int = 200) -> str:
    assert (answer.status_code, answer.content_type) == (http, "application/json")
    said = answer.json["response"]
    assert said["code"] == code
    assert UUID(said["transid"])
    return str(said["description"])


def test_without_a_good_key_nothing_is_forwarded(
    service: Service, client: Client, platform: Upstream
) -> None:
    narrow = make_caller(service, domain=client.caller.domain, scopes=["read"])

    def post(**headers: str) -> Any:
        return service.client.post(MESSAGING, json=message(), headers=headers)

    assert refused(post(), "7002") == "Service Key Missing"
    assert "Authentication failed" in refused(post(key="rk_nobody"), "7001")
    assert "scope send" in refused(post(key=narrow.secret), "7001")
    assert platform.asked == []


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'//Simple SMS\n{"a":1}', "line 1 column 1: expected a value"),
        (b'{"a": 1\n "b": 2}', "line 2 column 2: expected ','"),
        (b'{"a": "x\ty"}', "line 1 column 9: a control character in a string"),
        (b"", "line 1 column 1: expected a value"),
        (b'{"a": 1,}', "line 1 column 9: expected a name in double quotes"),
        (b"[1,]", "line 1 column 4: expected a value"),
        (b"{'a': 1}", "line 1 column 2: expected a name in double quotes"),
        (b'{"a": NaN}', "line 1 column 7: expected a value"),
        (b'{"a": 1} {', "line 1 column 10: expected the end"),
        (b'{"a": "\xff"}', "byte 8: not UTF-8"),
        (b'{"a":' + b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    client: Client, platform: Upstream, raw: bytes, place: str
) -> None:
    assert refused(client.send(raw), "7000") == f"Invalid JSON: {place}"
    assert platform.asked == []


def test_more_than_a_thousand_requests_are_too_many(client: Client, platform: Upstream) -> None:
    refused(client.send([{}] * 1001), "7009")
    assert platform.asked == []


def test_a_body_over_the_cap_is_too_large(client: Client, platform: Upstream) -> None:
    refused(client.send(b" " * (4 * 1024 * 1024 + 1)), "7022", http=413)
    assert platform.asked == []


def test_a_zipped_body_goes_on_plain(client: Client, platform: Upstream) -> None:
    answer = client.send(gzip.compress(json.dumps(message()).encode()), Content_Encoding="gzip")

    assert answer.status_code == 200
    assert platform.last.json == {"notifyurl": client.hook_url, **message()}
    assert "content-encoding" not in platform.last.headers


def test_paths_that_there_are_not_answer_in_the_same_envelope(client: Client) -> None:
    refused(client.ask("/resources/v9/nothing"), "7004", http=404)
    refused(client.ask(MESSAGING), "7004", http=405)


def test_a_transaction_is_asked_for(client: Client, platform: Upstream) -> None:
    raw = b'[{"transactionid":"a/b_0","status":"sent"}]'
    platform.way = says(raw)

    answer = client.ask(f"{MESSAGING}/status/a%2Fb_0?x=%C3%A9")

    assert (answer.status_code, answer.data) == (200, raw)
    assert platform.last.method == "GET"
    assert platform.last.path == f"{MESSAGING}/status/a%2Fb_0?x=%C3%A9"
    assert platform.last.headers["key"] == "service-key"
    assert client.sends() == []
