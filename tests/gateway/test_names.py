"""Requests with an Idempotency-Key: forwarded once, answered as often as they are asked."""

import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.gateway.conftest import EVENTS, Client
from tests.gateway.test_messaging import message, refused
from tests.gateway.upstream import Asked, Upstream, entry, queued, says, writes
from tests.web.service import make_caller


def test_a_repeat_gets_the_first_answer(client: Client, platform: Upstream) -> None:
    raw = b' {"response": [ {"code": "1001", "transid": "i-1" } ]}\n'
    platform.way = says(raw, http=202, Content_Type="application/json;charset=utf-8")

    first = client.send(message(), Idempotency_Key="order-17")
    again = client.send(message(), Idempotency_Key="order-17")

    assert first.data == again.data == raw
    assert (again.status_code, again.content_type) == (202, "application/json;charset=utf-8")
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(platform.asked) == 1
    assert client.only()["transid"] == "i-1"


def test_a_refusal_is_an_answer_too(client: Client, platform: Upstream) -> None:
    platform.way = says({"response": {"code": "7020"}})
    first = client.send(message(), Idempotency_Key="k")
    platform.way = queued

    assert client.send(message(), Idempotency_Key="k").json == first.json
    assert client.only()["state"] == "refused"


def test_so_is_silence(client: Client, platform: Upstream) -> None:
    platform.way = writes(b"")
    first = client.send(message(), Idempotency_Key="k")
    platform.way = queued
    again = client.send(message(), Idempotency_Key="k")

    assert (first.status_code, again.status_code) == (502, 502)
    assert first.json == again.json
    assert len(platform.asked) == 1


def test_a_batch_is_replayed_whole(client: Client, platform: Upstream) -> None:
    first = client.send([message(), message()], Idempotency_Key="k")

    assert client.send([message(), message()], Idempotency_Key="k").json == first.json
    assert len(client.sends()) == 2


def test_a_name_stands_for_one_request(client: Client, platform: Upstream) -> None:
    client.send(message(), Idempotency_Key="k")

    other = client.send(message(priority="1"), Idempotency_Key="k")
    elsewhere = client.send(message(), Idempotency_Key="k", path=EVENTS)

    assert "another request" in refused(other, "7004", http=422)
    assert "another request" in refused(elsewhere, "7004", http=422)
    assert len(platform.asked) == 1


def test_names_are_each_keys_own(client: Client, platform: Upstream) -> None:
    other = make_caller(client.caller.service, domain=client.caller.domain)

    client.send(message(), Idempotency_Key="k")
    Client(other, client.point).send(message(), Idempotency_Key="k")

    assert len(platform.asked) == 2


def test_a_name_that_is_too_long_is_none(client: Client, platform: Upstream) -> None:
    refused(client.send(message(), Idempotency_Key="k" * 201), "7004", http=400)
    assert platform.asked == []


def test_a_repeat_waits_for_the_first(client: Client, platform: Upstream) -> None:
    def slow(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        time.sleep(0.3)
        says({"response": [entry("slow-1")]})(handler, asked)

    platform.way = slow
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.send(message(), Idempotency_Key="k")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.json["response"][0]["transid"] for answer in answers] == ["slow-1"] * 3
    assert len(platform.asked) == 1


def test_what_is_in_doubt_is_never_sent_again(client: Client, platform: Upstream) -> None:
    client.send(message(), Idempotency_Key="k")
    lost(client)

    for _ in range(2):
        answer = client.send(message(), Idempotency_Key="k")
        assert "no answer is known" in refused(answer, "7006", http=504)

    sent = client.only()
    assert (sent["state"], sent["id"]) == ("unconfirmed", answer.json["response"]["transid"])
    assert len(platform.asked) == 1


def lost(client: Client) -> None:
    """Undo all but the claim, as if the process had been killed before it could record."""
    with Session(client.caller.service.engine) as session:
        domain = {"domain": client.caller.domain}
        for table in ("deliveries", "recordings", "sends"):
            session.execute(text(f"DELETE FROM {table} WHERE domain = :domain"), domain)
        session.execute(
            text("UPDATE gateway_claims SET claimed_at = claimed_at - interval '1 minute'")
        )
        session.commit()


def test_a_name_holds_for_a_day(client: Client, platform: Upstream) -> None:
    client.send(message(), Idempotency_Key="k")
    with Session(client.caller.service.engine) as session:
        session.execute(
            text("UPDATE gateway_claims SET claimed_at = claimed_at - interval '25 hours'")
        )
        session.commit()

    client.send(message(), Idempotency_Key="other")
    client.send(message(), Idempotency_Key="k")

    assert len(platform.asked) == 3
