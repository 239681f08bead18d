"""What the hooks answer, and what is kept."""

import gzip
import json
import zlib
from typing import Any

import pytest

from receiver.store.points import Point
from tests.web.service import Caller, Service, make_point, make_transid, message, receipt, running

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"


def quarantined(service: Service, answer: Any) -> Any:
    return service.rows("SELECT * FROM quarantine WHERE id = :id", id=answer["id"])[0]


def test_a_receipt_is_accepted_then_a_duplicate(service: Service, point: Point) -> None:
    body = receipt(make_transid(), "Delivered")

    first, second = (service.hook(point, body).json for _ in range(2))

    assert first == {"result": "accepted", "kind": "receipt", "id": first["id"]}
    assert second == {"result": "duplicate", "kind": "receipt", "id": first["id"]}


def test_a_message_is_kept_as_it_came(service: Service, point: Point) -> None:
    raw = (
        b' {"channel" : "sms","oa":"447700900123","da":"DEMOBK","tid":"t","message":"\xff\\u0000"} '
    )

    answer = service.hook(point, raw)

    assert answer.status_code == 200
    row = service.rows("SELECT * FROM messages WHERE id = :id", id=answer.json["id"])[0]
    assert (row["raw"], row["text"]) == (raw, "\ufffd\ufffd")


@pytest.mark.parametrize("path", ["", "/", "/dr", "/dr/", "/anything/at/all"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_greetings_are_empty(service: Service, point: Point, method: str, path: str) -> None:
    answer = service.client.open(f"/hooks/{point.token_local}{path}", method=method)

    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_an_absent_token_is_404(service: Service, method: str) -> None:
    answer = service.client.open(f"/hooks/{make_transid()}/dr", method=method, data=b"{}")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "not_json", id="nothing"),
        pytest.param(b"{", "not_json", id="cut off"),
        pytest.param(b"\x1f\x8b\x08 no gzip", "not_json", id="broken gzip"),
        pytest.param(gzip.compress(b'{"a":1}' * 99)[:-9], "not_json", id="gzip cut off"),
        pytest.param(b"\xff\xfe\x00", "not_json", id="broken UTF-16"),
        pytest.param(b"17", "unrecognised", id="a number"),
        pytest.param(b'{"hello": "world"}', "unrecognised", id="another object"),
        pytest.param(b"[]", "unrecognised", id="an empty array"),
        pytest.param(b"[" + b"{}," * 1000 + b"{}]", "unrecognised", id="1001 elements"),
        pytest.param(b"[" * 100_000, "unrecognised", id="nested"),
        pytest.param(b'{"a":' * 100_000, "unrecognised", id="nested objects"),
    ],
)
def test_what_is_not_understood_is_kept_and_400(
    service: Service, point: Point, raw: bytes, reason: str
) -> None:
    answer = service.hook(point, raw, path="/dr", headers={"X-Hub-Signature": "sha256=abc"})

    assert answer.status_code == 400
    assert answer.json["result"] == "quarantined"
    assert answer.json["errors"]
    row = quarantined(service, answer.json)
    assert (row["reason"], row["raw"], row["answered"], row["path"]) == (reason, raw, 400, "/dr")
    assert row["headers"]["x-hub-signature"] == "sha256=abc"


def test_the_headers_kept_are_those_of_the_list(service: Service, point: Point) -> None:
    sent = {"User-Agent": "platform", "X-Wx-Gtrid": "7", "Authorization": "secret", "Cookie": "a"}

    answer = service.hook(point, b"{", headers=sent, content_type="text/plain")

    kept = quarantined(service, answer.json)["headers"]
    assert kept == {
        "content-type": "text/plain",
        "content-length": "1",
        "user-agent": "platform",
        "x-wx-gtrid": "7",
    }


def test_an_array_is_answered_one_by_one(service: Service, point: Point) -> None:
    bodies = [receipt(make_transid(), "Delivered"), message(), {"no": "kind"}, 5]

    answer = service.hook(point, bodies)

    assert answer.status_code == 200
    results = answer.json["results"]
    kinds = [(each["result"], each.get("kind")) for each in results]
    assert kinds[:2] == [("accepted", "receipt"), ("accepted", "message")]
    assert kinds[2:] == [("quarantined", None)] * 2
    row = quarantined(service, results[2])
    assert (row["raw"], row["answered"]) == (b'{"no": "kind"}', 200)


def test_a_thousand_elements_are_taken(service: Service, point: Point) -> None:
    answer = service.hook(point, [receipt(make_transid(), "Delivered") for _ in range(1000)])

    assert answer.status_code == 200
    assert {each["result"] for each in answer.json["results"]} == {"accepted"}


@pytest.mark.parametrize(
    ("encoding", "zipped"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("x-gzip", gzip.compress, id="x-gzip"),
        pytest.param("", gzip.compress, id="gzip that no header names"),
        pytest.param("deflate", zlib.compress, id="deflate"),
        pytest.param("deflate", lambda raw: zlib.compress(raw)[2:-4], id="bare deflate"),
        pytest.param("gzip", lambda raw: raw, id="gzip that isn't"),
        pytest.param("br", lambda raw: raw, id="an encoding that we don't know"),
        pytest.param("gzip", lambda raw: gzip.compress(raw[:9]) + gzip.compress(raw[9:]), id="two"),
    ],
)
def test_zipped_bodies_are_read_and_kept_zipped(
    service: Service, point: Point, encoding: str, zipped: Any
) -> None:
    raw = zipped(json.dumps(receipt(make_transid(), "Read")).encode())

    answer = service.hook(point, raw, headers={"Content-Encoding": encoding})

    assert answer.status_code == 200
    row = service.rows("SELECT raw FROM receipts WHERE id = :id", id=answer.json["id"])[0]
    assert row["raw"] == raw


def test_a_gzip_bomb_is_too_large(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, max_body=20_000)
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 20_000

    assert service.hook(point, bomb).status_code == 413


def test_the_cap_of_a_point_counts(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, max_body=2000)

    bodies = [b"{" + b" " * 2000, gzip.compress(b"[" + b" " * 5000)]
    for body in bodies:
        answer = service.hook(point, body)
        assert answer.status_code == 413
        row = quarantined(service, answer.json)
        assert (row["reason"], row["truncated"], row["raw"]) == ("too_large", True, body)


def test_a_disabled_point_keeps_what_comes(service: Service, caller: Caller) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    body = receipt(make_transid(), "Delivered")

    answer = service.hook(point, body)

    assert (answer.status_code, answer.json["result"]) == (200, "quarantined")
    row = quarantined(service, answer.json)
    assert (row["reason"], row["answered"], json.loads(row["raw"])) == ("disabled", 200, body)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        pytest.param("Asia/Kathmandu", "2026-07-20T11:28:17.908Z", id="a zone"),
        pytest.param("No/Where", "2026-07-20T17:13:17.908Z", id="no zone"),
        pytest.param("../../etc", "2026-07-20T17:13:17.908Z", id="a path"),
        pytest.param(17, "2026-07-20T17:13:17.908Z", id="a number"),
    ],
)
def test_the_zone_of_a_point_is_assumed(
    service: Service, caller: Caller, zone: Any, shown: str
) -> None:
    point = make_point(service, domain=caller.domain, timezone=zone)
    transid = make_transid()

    service.hook(point, receipt(transid, "Delivered"))

    delivery = caller.send(transid)["deliveries"][0]
    assert (delivery["provider_at"], delivery["zone_assumed"]) == (shown, True)
    assert delivery["provider_at_raw"] == "2026-07-20T17:13:17.908"


def test_without_postgres_a_hook_asks_to_come_again() -> None:
    with running(AWAY) as service:
        for method in ("GET", "POST"):
            answer = service.client.open("/hooks/some-token", method=method)

            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert answer.json["error"]


def test_nothing_of_an_absent_token_is_kept(service: Service) -> None:
    before = service.rows("SELECT count(*) AS n FROM quarantine")

    service.client.post(f"/hooks/{make_transid()}", data=b"{")

    assert service.rows("SELECT count(*) AS n FROM quarantine") == before


@pytest.mark.parametrize("path", ["/dr", "/mo", "/event", "/DR/x", "/%00", "/%ff", "/a%0Ab"])
def test_content_decides_whatever_the_path_says(service: Service, point: Point, path: str) -> None:
    answer = service.hook(point, message(), path=path)

    assert (answer.status_code, answer.json["kind"]) == (200, "message")
