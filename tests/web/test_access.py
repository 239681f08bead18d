"""The access line, and the metrics, as a real gunicorn with two workers gives them."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from receiver.store.points import Point
from tests.cli.processes import eventually
from tests.web.server import ROOT, Server, serving
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)

NUMBER, TEXT = "447700900777", "a-very-private-text"


@dataclass(frozen=True)
class Observed:
    """A server that counts, its log and the folder it counts in."""

    server: Server
    log: Path

    def lines(self) -> Sequence[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line]

    def requests(self, since: int = 0) -> Sequence[dict[str, Any]]:
        return [line for line in self.lines()[since:] if line["event"] == "request"]

    def post(self, point: Point, body: Any, path: str = "", **headers: str) -> dict[str, Any]:
        """Post to a hook and return the line that it left."""
        before = len(self.hooks())
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.server.request("POST", f"/hooks/{point.token_local}{path}", raw, **headers)
        eventually(lambda: len(self.hooks()) > before)
        return self.hooks()[-1]

    def hooks(self) -> Sequence[dict[str, Any]]:
        return [line for line in self.requests() if str(line["route"]).startswith("/hooks/")]

    def metrics(self, caller: Caller) -> Mapping[str, float]:
        answer = self.server.request("GET", "/metrics", Authorization=f"Bearer {caller.secret}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        samples = re.findall(r"^([a-z_]+(?:{[^}]*})?) (\S+)$", answer.body.decode(), re.MULTILINE)
        return {name: float(value) for name, value in samples}


@contextmanager
def observed(url: str, folder: Path, **more: str) -> Iterator[Observed]:
    (folder / "metrics").mkdir()
    log = folder / "log"
    counting = {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"), "WEB_CONCURRENCY": "2"}
    with serving(url, log, **counting, **more) as server:
        yield Observed(server, log)


@pytest.fixture(scope="module")
def running(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    with observed(database_url, tmp_path_factory.mktemp("observed")) as running:
        yield running


@pytest.fixture(scope="module")
def reader(service: Service) -> Caller:
    return make_caller(service, domain=make_domain())


@pytest.fixture(scope="module")
def code(service: Service) -> Point:
    return make_point(service, domain=make_domain())


def test_a_notification_leaves_one_line_that_says_what_became_of_it(
    running: Observed, code: Point
) -> None:
    body = receipt(make_transid(), "Delivered")

    line = running.post(code, body)

    assert line.pop("ms") > 0
    assert uuid.UUID(line.pop("request_id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "request",
        "level": "info",
        "method": "POST",
        "route": "/hooks/<token>",
        "status": 200,
        "bytes": len(json.dumps(body)),
        "point": code.code,
        "kind": "receipt",
        "result": "accepted",
        "way": "direct",
    }
    assert running.post(code, body)["result"] == "duplicate"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            b"{", {"kind": "quarantined", "result": "quarantined", "status": 400}, id="bad"
        ),
        pytest.param(
            [message(), message()],
            {"kind": "message", "result": "accepted", "notifications": 2},
            id="array",
        ),
        pytest.param(
            [message(), receipt("t", "Read"), {}],
            {"kind": "several", "result": "several", "notifications": 3, "status": 200},
            id="mixed",
        ),
    ],
)
def test_the_line_tells_kind_and_result(
    running: Observed, code: Point, body: Any, said: Mapping[str, object]
) -> None:
    line = running.post(code, body, "/dr")

    assert said.items() <= line.items()
    assert line["route"] == "/hooks/<token>/<rest:rest>"


def test_a_refusal_says_why(running: Observed) -> None:
    before = len(running.lines())
    running.server.request("POST", "/hooks/unknown", b"{}")
    running.server.request("GET", f"/api/v1/sends/{make_transid()}", Authorization="Bearer rk_x")
    running.server.request("GET", f"/nowhere/{NUMBER}")
    running.server.raw(f"BREW{NUMBER} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    eventually(lambda: len(running.requests(before)) >= 4)
    told = {(line["method"], line["route"], line["reason"]) for line in running.requests(before)}
    assert told == {
        ("POST", "/hooks/<token>", "not_found"),
        ("GET", "/api/v1/sends/<path:key>", "unauthorised"),
        ("GET", None, "not_found"),
        ("other", None, "not_found"),
    }


def test_no_line_and_no_metric_quotes_a_caller(
    running: Observed, code: Point, reader: Caller
) -> None:
    transid = make_transid()
    private = [NUMBER, TEXT, transid, code.token_local, reader.secret, "try-token"]
    for body in (
        message(text=TEXT, oa=NUMBER),
        receipt(transid, TEXT, destination=NUMBER),
        {TEXT: NUMBER},
        f'{{"{TEXT}": {NUMBER}'.encode(),
    ):
        running.post(code, body, f"/{NUMBER}/{TEXT}?{TEXT}={NUMBER}", User_Agent=TEXT, Referer=TEXT)
    send = {"transid": transid, "destinations": [NUMBER], "text": TEXT}
    for method, path, body in (
        ("POST", "/api/v1/sends", send),
        ("POST", "/api/v1/sends", {TEXT: NUMBER}),
        ("GET", f"/api/v1/sends/{transid}?wait={TEXT}", {}),
        ("GET", f"/api/v1/sends?destination={NUMBER}", {}),
        ("GET", f"/api/v1/messages?from={NUMBER}&{TEXT}={NUMBER}", {}),
        ("POST", "/hooks/try-token", {}),
        ("GET", "/metrics", {}),
    ):
        raw = json.dumps(body).encode()
        answer = running.server.request(method, path, raw, Authorization=f"Bearer {reader.secret}")
    scraped = answer.body.decode()

    eventually(lambda: len(running.requests()) >= 10)
    written = running.log.read_text()

    assert [word for word in private if word in written or word in scraped] == []


def series(name: str, **labels: str) -> str:
    """Return a series as it is written: its labels in order."""
    told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{told}}}"


def test_both_workers_count_in_one_place(
    running: Observed, service: Service, reader: Caller
) -> None:
    point = make_point(service, domain=reader.domain)
    before = running.metrics(reader)
    for number in range(40):  # each on a line of its own: the kernel spreads them
        running.post(point, receipt(f"{point.code}-{number}", "Delivered"))
    running.server.request("POST", "/hooks/unknown", b"{}")

    told = running.metrics(reader)

    def more(name: str, **labels: str) -> float:
        return told[series(name, **labels) if labels else name] - before.get(name, 0)

    at = {"domain": point.domain, "point": point.code}
    assert more("receiver_notifications_total", **at, kind="receipt", result="accepted") == 40
    refused = series(
        "receiver_refusals_total", domain="", point="", reason="not_found", status="404"
    )
    assert more(refused) == 1
    assert more("receiver_answer_seconds_count") == 41
    assert more(series("receiver_durable_seconds_count", way="direct")) == 40
    assert more("receiver_applied_seconds_count") == 40
    assert 1 <= more("receiver_commit_seconds_count") <= 40
    assert more("receiver_batch_facts_sum") == 40
    assert told["receiver_store_away"] == told["receiver_spool_facts"] == 0
    assert told[series("receiver_build_info", version="0.1.0")] == 1


@pytest.fixture(scope="module")
def odd(running: Observed, service: Service, reader: Caller) -> tuple[Point, Point]:
    """A point that demands signatures and one that doesn't, where everything odd has come in."""
    signed = make_point(service, domain=reader.domain, signature="required")
    plain = make_point(service, domain=reader.domain)
    transid = make_transid()
    running.post(signed, receipt(transid, "Delivered"))
    running.post(plain, receipt(transid, "Beamed up"), "/mo")
    running.post(plain, receipt(transid, "Delivered"), "/dr")
    running.post(plain, receipt(transid, "Failed", code="7107"))
    running.post(plain, b"{")
    send = json.dumps({"transid": transid, "destinations": [NUMBER]}).encode()
    running.server.request("POST", "/api/v1/sends", send, Authorization=f"Bearer {reader.secret}")
    return signed, plain


def test_what_is_odd_is_counted(
    running: Observed, odd: tuple[Point, Point], reader: Caller
) -> None:
    signed, plain = ({"domain": point.domain, "point": point.code} for point in odd)

    told = running.metrics(reader)

    bad = {**signed, "reason": "bad_signature"}
    assert told[series("receiver_refusals_total", **bad, status="401")] == 1
    assert told[series("receiver_quarantined_total", **bad)] == 1
    assert told[series("receiver_quarantined_total", **plain, reason="not_json")] == 1
    assert told[series("receiver_unknown_statuses_total", **plain)] == 1
    assert told[series("receiver_hint_mismatches_total", **plain, hint="mo")] == 1
    sends = {"domain": reader.domain, "source": "api", "result": "accepted"}
    assert told[series("receiver_sends_total", **sends)] >= 1


def test_nobody_counts_what_another_domain_does(
    running: Observed, service: Service, odd: tuple[Point, Point], reader: Caller
) -> None:
    narrow = make_caller(service, domain=reader.domain, point_ids=[odd[0].id])
    stranger = make_caller(service, domain=make_domain())

    assert not [name for name in running.metrics(stranger) if reader.domain in name]
    seen = [name for name in running.metrics(narrow) if "point-" in name]
    assert seen
    assert not [name for name in seen if odd[0].code not in name]


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_what_alarms_and_dashboard_ask_for_is_there(
    running: Observed, reader: Caller, name: str
) -> None:
    text = (ROOT / "config" / name).read_text()
    # But the worker's, and what is only there while Postgres refuses.
    asked = set(re.findall(r"\breceiver_(?!duty|worker_turn|store_refused)[a-z_]+", text))

    def told() -> set[str]:
        return {each.partition("{")[0] for each in running.metrics(reader)}

    assert len(asked) > 15
    eventually(lambda: asked <= told())  # some of it is found out in the background


@pytest.mark.usefixtures("odd")
def test_every_metric_is_documented(running: Observed, reader: Caller) -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text().partition("## Metrics")[2]
    page = re.sub(r"`receiver_spool_facts`.*?\|", _spelled_out, page)

    names = {name.partition("{")[0] for name in running.metrics(reader)}

    histograms = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    assert [name for name in sorted(histograms) if f"`{name}`" not in page] == []


def _spelled_out(cell: re.Match[str]) -> str:
    return cell[0].replace("`_", "`receiver_spool_")


def test_metrics_need_a_key_that_may_read(running: Observed, service: Service) -> None:
    sender = make_caller(service, domain=make_domain(), scopes=("send",))

    bare = running.server.request("GET", "/metrics")
    narrow = running.server.request("GET", "/metrics", Authorization=f"Bearer {sender.secret}")

    assert (bare.status, narrow.status) == (401, 403)


def test_a_log_that_nobody_takes_stops_nothing(
    service: Service, database_url: str, tmp_path: Path
) -> None:
    point = make_point(service, domain=make_domain())
    with serving(database_url, Path("/dev/full")) as server:
        for number in range(3):
            body = json.dumps(receipt(f"full-{point.code}-{number}", "Read")).encode()
            assert server.request("POST", f"/hooks/{point.token_local}", body).status == 200
