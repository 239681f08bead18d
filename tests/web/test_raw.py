"""Bodies as they came: for administrators, few at a time, and written down."""

import base64
import gzip
import json
from typing import Any

import psycopg
import pytest

from receiver.store import arrivals
from receiver.store.points import Point
from tests.conftest import MakeDatabase
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_point,
    make_transid,
    message,
    receipt,
    running,
)

PATHS = ("/receipts", "/messages", "/messages/t", "/events")
EVENT = {"channel": "sms", "event": "click", "tid": "e"}


def arrive(service: Service, point: Point) -> None:
    for body in (receipt(make_transid(), "Delivered"), message(tid="t"), EVENT):
        service.hook(point, body)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_is_shown_as_it_came(
    service: Service, caller: Caller, point: Point, path: str
) -> None:
    arrive(service, point)

    [item] = caller.get(f"{path}?raw=true").json["items"]
    [plain] = caller.get(f"{path}?raw=false").json["items"]

    assert item["raw_encoding"] == "utf-8"
    assert isinstance(json.loads(item["raw"]), dict)
    assert plain == {name: item[name] for name in item if name not in ("raw", "raw_encoding")}


def test_what_is_no_text_comes_in_base64(service: Service, caller: Caller, point: Point) -> None:
    zipped = gzip.compress(json.dumps(message()).encode())
    service.hook(point, zipped, headers={"Content-Encoding": "gzip"})

    [item] = caller.get("/messages?raw=true").json["items"]

    assert (item["raw_encoding"], base64.b64decode(item["raw"])) == ("base64", zipped)


def test_it_needs_admin(service: Service, caller: Caller, point: Point) -> None:
    arrive(service, point)
    reader = make_caller(service, domain=caller.domain, scopes=["read", "read:pii", "send"])

    for path in PATHS:
        answer = reader.get(f"{path}?raw=true")
        assert (answer.status_code, "admin" in answer.json["detail"]) == (403, True)
    assert caller.get("/audit").json["items"] == []


def test_every_read_is_written_down(service: Service, caller: Caller, point: Point) -> None:
    arrive(service, point)
    for path in PATHS:
        first = caller.get(f"{path}?raw=true")
        again = caller.get(f"{path}?raw=true", headers={"If-None-Match": first.headers["ETag"]})
        [item] = first.json["items"]

        lines = caller.get("/audit?limit=2").json["items"]

        assert again.status_code == 304
        assert [line["what"] for line in lines] == ["raw.read", "raw.read"]
        assert [line["ids"] for line in lines] == [[item["id"]]] * 2
        assert lines[0]["kind"] == item.get("kind", "receipt")
        assert lines[0]["who"]["name"] == caller.secret[:11]


def test_what_can_t_be_written_down_is_not_read(make_database: MakeDatabase) -> None:
    url = make_database()
    with running(url) as service:
        caller, point = make_caller(service), make_point(service)
        service.hook(point, message())
        assert caller.get("/messages?raw=true").status_code == 200
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE audit_log ADD CHECK (false) NOT VALID")

        plain, answer = caller.get("/messages"), caller.get("/messages?raw=true")

    assert (plain.status_code, answer.status_code, "raw" in answer.text) == (200, 500, False)


def test_a_page_has_as_many_as_fit(
    service: Service, caller: Caller, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_RAW_BYTES", 5_000)
    sizes = [1_000, 9_000, 2_000, 1_500]
    for size in sizes:
        service.hook(point, message(text="x" * size))

    pages: list[list[int]] = []
    path: str | None = "/messages?raw=true"
    while path:
        answer: Any = caller.get(path).json
        pages.append([len(item["text"]) for item in answer["items"]])
        path = f"/messages?raw=true&cursor={answer['next']}" if answer["next"] else None

    assert pages == [[1_500, 2_000], [9_000], [1_000]]


def test_twenty_are_shown_where_no_limit_is_given(
    service: Service, caller: Caller, point: Point
) -> None:
    service.hook(point, [message() for _ in range(21)])

    answer = caller.get("/messages?raw=true").json

    assert (len(answer["items"]), bool(answer["next"])) == (20, True)
