"""What an integration point decides of the calls that go through it, and which point that is."""

import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from receiver.domain.facts import new_id
from receiver.store import tokens
from receiver.store.admin_tables import IntegrationPoint
from tests.gateway.conftest import MESSAGING, make_client
from tests.gateway.test_messaging import message, refused
from tests.gateway.upstream import Upstream
from tests.web.service import Service, make_caller, make_point


def test_the_callers_url_stays_where_the_point_says_so(
    service: Service, var: Path, platform: Upstream
) -> None:
    client = make_client(service, var, platform.url, notifyurl="keep")
    raw = json.dumps([message(notifyurl="https://mine.example/dr"), message()]).encode()

    client.send(raw)

    assert platform.last.body == raw
    sends = [client.caller.send(send["id"]) for send in client.sends()]
    assert [send["reports_elsewhere"] for send in sends] == [False, True]


def test_texts_are_not_kept_where_the_point_says_so(
    service: Service, var: Path, platform: Upstream
) -> None:
    client = make_client(service, var, platform.url, store_text="none")

    client.send(message())

    assert client.only()["text"] == ""
    (row,) = service.rows(
        "SELECT raw, body::text AS body FROM recordings WHERE domain = :domain",
        domain=client.caller.domain,
    )
    assert "Hello" not in row["body"]
    assert b"Hello" not in row["raw"]


def test_the_oldest_point_speaks_for_a_key_of_none(
    service: Service, var: Path, platform: Upstream
) -> None:
    client = make_client(service, var, platform.url)
    younger = make_point(service, domain=client.caller.domain)
    narrowed = make_caller(service, domain=client.caller.domain, point_ids=[younger.id])

    assert client.send(message()).status_code == 200
    answer = service.client.post(MESSAGING, json=message(), headers={"key": narrowed.secret})
    assert "names the platform" in refused(answer, "7006", http=503)
    assert answer.headers["Retry-After"]


def test_the_hook_is_the_points_newest(service: Service, var: Path, platform: Upstream) -> None:
    client = make_client(service, var, platform.url)
    with Session(service.engine) as session:
        row = session.get_one(IntegrationPoint, client.point.id)
        known = tokens.of(row.token_local, row.tokens)
        row.tokens = tokens.said(tokens.rotated(known, grace=timedelta(days=7)))
        newest = row.tokens[-1]["token"]
        session.commit()

    client.send(message())

    assert platform.last.json["notifyurl"] == f"http://127.0.0.1:8080/hooks/{newest}"


def test_a_disabled_point_is_an_inactive_service(
    service: Service, var: Path, platform: Upstream
) -> None:
    client = make_client(service, var, platform.url, disabled=True)

    refused(client.send(message()), "7007")
    assert platform.asked == []


def test_a_point_that_leads_nowhere_is_said_to(service: Service, var: Path) -> None:
    client = make_client(service, var, "")

    assert "names the platform" in refused(client.send(message()), "7006", http=503)


def test_a_point_without_a_key_leads_nowhere(service: Service, platform: Upstream) -> None:
    caller = make_caller(service, domain=f"keyless-{new_id()}")
    make_point(service, domain=caller.domain, platform_url=platform.url)

    answer = service.client.post(MESSAGING, json=message(), headers={"key": caller.secret})

    assert "no token_remote" in refused(answer, "7006", http=503)


def test_a_domain_without_a_point_leads_nowhere(service: Service) -> None:
    caller = make_caller(service, domain=f"empty-{new_id()}")

    answer = service.client.post(MESSAGING, json=message(), headers={"key": caller.secret})

    assert "no integration point" in refused(answer, "7006", http=503)
