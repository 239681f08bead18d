"""The quarantine: what lies in it, why, and what becomes of it."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from receiver import metrics
from receiver.store.points import Point
from receiver.web.quarantine_shapes import (
    QuarantineGroups,
    QuarantineList,
)
from tests.web.listing import items, pages
from tests.web.quarantined import held, show
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_domain,
    make_point,
    message,
)
from tests.web.test_admission import OTHERS

UNKNOWN = {"wobble": {"of": [1, "x"], "447700900123": None}}


def test_an_item_says_what_came_and_why(service: Service, caller: Caller, point: Point) -> None:
    raw = json.dumps(UNKNOWN).encode()
    id_ = held(service, point, raw, path="/dr", headers={"X-Secret": "s", "User-Agent": "P/6"})

    answer = caller.get("/quarantine")
    [item] = items(answer)

    assert QuarantineList().validate(answer.json) == {}
    assert item == {
        "id": id_,
        "accepted_at": item["accepted_at"],
        "point": {"id": str(point.id), "code": point.code},
        "path": "/dr",
        "reason": "unrecognised",
        "message": "no kind of notification that we know",
        "errors": {},
        "answered": 400,
        "bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "truncated": False,
        "shape": "{wobble: {*: null, of: [number | text]}}",
        "state": "open",
        "replays": [],
    }
    shown = show(caller, id_)
    assert (shown["raw"], shown["raw_encoding"]) == (raw.decode(), "utf-8")
    assert shown["headers"]["user-agent"] == "P/6"
    assert "x-secret" not in shown["headers"]
    assert {name: shown[name] for name in item} == item


def test_bytes_that_are_no_text_come_in_base64(
    service: Service, caller: Caller, point: Point
) -> None:
    zipped = gzip.compress(b"<xml>")
    shown = show(caller, held(service, point, zipped))

    assert (shown["raw_encoding"], base64.b64decode(shown["raw"])) == ("base64", zipped)
    assert (shown["reason"], shown["shape"]) == ("not_json", "markup")


def test_every_read_of_a_body_is_written_down(
    service: Service, caller: Caller, point: Point
) -> None:
    id_ = held(service, point, b"{")
    caller.get("/quarantine")
    assert items(caller.get("/audit")) == []

    show(caller, id_)

    [line] = items(caller.get("/audit"))
    assert (line["what"], line["kind"], line["ids"]) == ("raw.read", "quarantined", [id_])


def make_many(service: Service, point: Point) -> Mapping[str, str]:
    """One of each that differ in what lists are narrowed by; their ids by name."""
    limited = make_point(service, domain=point.domain, allow_ips=[OTHERS])
    disabled = make_point(service, domain=point.domain, disabled=True)
    small = make_point(service, domain=point.domain, max_body=1000)
    return {
        "not_json": held(service, point, b"{"),
        "unrecognised": held(service, point, UNKNOWN),
        "bad_address": held(service, limited, message(), 403),
        "disabled": held(service, disabled, message(), 200),
        "too_large": held(service, small, b"[" + b" " * 3000, 413),
    }


def test_filters_narrow_the_list(service: Service, caller: Caller, point: Point) -> None:
    made = make_many(service, point)
    assert caller.post(f"/quarantine/{made['disabled']}/discard").status_code == 200

    for query, names in {
        "": made.keys(),
        "reason=not_json,unrecognised": ["not_json", "unrecognised"],
        "reason=disabled": ["disabled"],
        f"point={point.code}": ["not_json", "unrecognised"],
        f"point={point.id}&reason=disabled": [],
        "answered=403,413": ["bad_address", "too_large"],
        "state=open": made.keys() - {"disabled"},
        "state=discarded": ["disabled"],
        "state=replayed": [],
        f"since={ago(hours=1)}": made.keys(),
        f"until={ago(hours=1)}": [],
    }.items():
        found = {item["id"] for item in items(caller.get(f"/quarantine?{query}"))}
        assert found == {made[name] for name in names}, query


def test_pages_are_newest_first(service: Service, caller: Caller, point: Point) -> None:
    made = [held(service, point, b"{" + b" " * number) for number in range(5)]

    found = [[item["id"] for item in page] for page in pages(caller, "/quarantine?limit=2")]

    assert found == [made[:2:-1], made[2:0:-1], made[:1]]


def test_groups_count_what_is_built_alike(service: Service, caller: Caller, point: Point) -> None:
    other = make_point(service, domain=point.domain)
    first = held(service, point, {"a": 1, "b": "x"})
    last = held(service, point, {"b": "y", "a": 22})
    held(service, point, {"b": "y", "a": None})
    held(service, other, {"a": 1, "b": "x"})

    answer = caller.get("/quarantine?group=shape")

    assert QuarantineGroups().validate(answer.json) == {}
    [most, *others] = items(answer)
    accepted = {item["id"]: item["accepted_at"] for item in items(caller.get("/quarantine"))}
    assert most == {
        "reason": "unrecognised",
        "point": {"id": str(point.id), "code": point.code},
        "shape": "{a: number, b: text}",
        "count": 2,
        "first_at": accepted[first],
        "last_at": accepted[last],
        "example": last,
    }
    assert [group["count"] for group in others] == [1, 1]
    assert len(items(caller.get("/quarantine?group=shape&limit=1"))) == 1
    assert items(caller.get(f"/quarantine?group=shape&point={other.code}"))[0]["count"] == 1
    like = items(caller.get(f"/quarantine?like={most['example']}"))
    assert [item["id"] for item in like] == [last, first]
    assert caller.post("/quarantine/replay", json={"like": last}).json["count"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param("reason=odd", "reason", id="reason"),
        pytest.param("state=odd", "state", id="state"),
        pytest.param("answered=500", "answered", id="answered"),
        pytest.param("group=odd", "group", id="group"),
        pytest.param("group=shape&cursor=x", "cursor", id="cursor of groups"),
        pytest.param("like=odd", "like", id="like"),
        pytest.param("since=yesterday", "since", id="since"),
        pytest.param("odd=1", "odd", id="unknown"),
    ],
)
def test_bad_questions_are_named(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"/quarantine?{query}")

    assert answer.status_code == 400
    assert field in "".join(answer.json["errors"])


def test_it_is_for_administrators_of_the_domain_and_its_points(
    service: Service, caller: Caller, point: Point
) -> None:
    other = make_point(service, domain=point.domain)
    mine, theirs = held(service, point, b"{"), held(service, other, b"{")
    stranger = make_caller(service, domain=make_domain())
    reader = make_caller(service, domain=caller.domain, scopes=["read:pii", "send"])
    narrowed = make_caller(service, domain=caller.domain, point_ids=[point.id])

    assert (
        items(stranger.get("/quarantine")) == items(stranger.get("/quarantine?group=shape")) == []
    )
    assert [item["id"] for item in items(narrowed.get("/quarantine"))] == [mine]
    assert len(items(narrowed.get("/quarantine?group=shape"))) == 1
    for path in ("", "/replay", "/discard"):
        ask = Caller.post if path else Caller.get
        assert ask(stranger, f"/quarantine/{mine}{path}").status_code == 404
        assert ask(narrowed, f"/quarantine/{theirs}{path}").status_code == 404
        assert ask(reader, f"/quarantine/{mine}{path}").status_code == 403
    assert reader.get("/quarantine").status_code == 403
    assert narrowed.post("/quarantine/replay", json={}).json["count"] == 1
    assert stranger.post("/quarantine/replay", json={}).json["count"] == 0


@pytest.mark.parametrize("id_", ["odd", str(UUID(int=7)), str(UUID(int=2**128 - 1))])
def test_what_is_not_there_is_not_found(caller: Caller, id_: str) -> None:
    for answer in (
        caller.get(f"/quarantine/{id_}"),
        caller.post(f"/quarantine/{id_}/replay"),
        caller.post(f"/quarantine/{id_}/discard"),
        caller.get(f"/jobs/{id_}"),
    ):
        assert answer.status_code == 404


def test_what_is_discarded_stays(service: Service, caller: Caller, point: Point) -> None:
    id_ = held(service, point, b"{")

    first = caller.post(f"/quarantine/{id_}/discard")
    again = caller.post(f"/quarantine/{id_}/discard")

    assert [first.json["state"], again.json["state"]] == ["discarded", "discarded"]
    shown = show(caller, id_)
    assert (shown["state"], shown["raw"]) == ("discarded", "{")
    line = items(caller.get("/audit?what=quarantine.discard"))[-1]
    assert (line["ids"], line["before"], line["after"]) == (
        [id_],
        {"state": "open"},
        {"state": "discarded"},
    )


def test_what_is_refused_before_anybody_is_let_in_is_counted_and_never_stored(
    service: Service, caller: Caller, point: Point
) -> None:
    def counted() -> float:
        found = re.findall(
            rb'receiver_refusals_total\{domain="",point="",reason="not_found",status="404"\} (\S+)',
            metrics.exposition([], domain=caller.domain),
        )
        return float(found[0]) if found else 0.0

    def stored() -> Any:
        return service.rows("SELECT count(*) FROM quarantine")

    before, kept = counted(), stored()
    for token in ("x", point.token_local[:-1], f"{point.token_local}x"):
        answer = service.client.post(f"/hooks/{token}", data=b"{")
        assert answer.status_code == 404

    assert (counted() - before, stored()) == (3, kept)
