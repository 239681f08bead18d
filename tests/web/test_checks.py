"""Tests of the way to a hook: answered as what is real, and kept nowhere."""

import json
from pathlib import Path

import pytest

from receiver.platform import checks
from receiver.store.points import Point
from tests.web.service import Caller, Service, make_point, make_transid, receipt, running
from tests.web.test_health import keep_snapshot

COUNTED = ("receipts", "sends", "deliveries", "quarantine", "changes")


def counts(service: Service, domain: str) -> list[int]:
    return [
        service.rows(f"SELECT count(*) AS n FROM {table} WHERE domain = :domain", domain=domain)[0][
            "n"
        ]
        for table in COUNTED
    ]


@pytest.mark.parametrize("size_bytes", [0, 300_000], ids=["small", "large"])
def test_a_check_is_answered_and_kept_nowhere(
    service: Service, point: Point, size_bytes: int
) -> None:
    answer = service.hook(point, checks.body(size_bytes=size_bytes))

    assert (answer.status_code, answer.json["result"]) == (200, "checked")
    assert counts(service, point.domain) == [0] * len(COUNTED)


def test_a_check_is_signed_as_the_point_wants(service: Service) -> None:
    point = make_point(service, signature="required", domain="checked")

    answer = service.hook(point, checks.body())

    assert (answer.status_code, answer.json["result"]) == (401, "refused")
    assert counts(service, point.domain) == [0] * len(COUNTED)


def test_a_check_over_the_cap_is_refused_and_not_held(service: Service) -> None:
    point = make_point(service, max_body=4096, domain="check-over-cap")

    answer = service.hook(point, checks.body(size_bytes=100_000))

    assert (answer.status_code, answer.json["result"]) == (413, "refused")
    assert counts(service, point.domain) == [0] * len(COUNTED)


def test_a_check_at_a_disabled_point_says_so(service: Service) -> None:
    point = make_point(service, disabled=True, domain="disabled-check")

    answer = service.hook(point, checks.body())

    assert (answer.status_code, answer.json["errors"]) == (200, {"point": ["is disabled"]})
    assert counts(service, point.domain) == [0] * len(COUNTED)


def test_a_check_is_refused_where_nothing_could_be_kept(tmp_path: Path) -> None:
    keep_snapshot(tmp_path, "token")
    with running("postgresql://nobody@127.0.0.1:1/nothing", var_dir=tmp_path) as away:
        answer = away.client.post("/hooks/token", data=checks.body())

    assert answer.status_code == 503


def test_what_only_speaks_of_a_check_is_kept(service: Service, point: Point) -> None:
    said = receipt(make_transid(), "Delivered", Description="receiver-check-1")
    longer = checks.body() + b" " * 3000 + b"x"

    assert service.hook(point, said).json["result"] == "accepted"
    assert service.hook(point, longer).status_code == 400
    mixed = [json.loads(checks.body()), said]
    assert len(service.hook(point, mixed).json["results"]) == 2


def test_nobody_records_a_send_under_a_transid_of_checks(caller: Caller) -> None:
    answer = caller.post("/sends", json={"transid": "receiver-check-1"})

    assert answer.status_code == 400
    assert "receiver-check-" in answer.json["errors"]["transid"][0]
