"""The worker's own listener: whether it works or waits, and how its duties go."""

import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from receiver.cli import operations
from receiver.cli.duty import Duty, Shift
from receiver.cli.port import Listener
from receiver.cli.worker import _duties
from receiver.domain.errors import SetupError
from receiver.settings import Place, Settings
from receiver.store.database import connect, make_engine
from tests.cli.processes import ROOT, Running, eventually, free_port, running
from tests.conftest import MakeDatabase

HOUR = 3600.0
OWN = re.compile(r"\breceiver_(?:duty|worker_turn)[a-z_]*")
DONE = 'receiver_duty_success_timestamp_seconds{duty="counts"}'


def listener(port: int, host: str = "127.0.0.1") -> Listener:
    return Listener(Place(host, port), "HERE", "HERE")


def read(text: str) -> Mapping[str, float]:
    samples = re.findall(r"^([a-z_]+(?:{[^}]*})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in samples}


def told(shift: Shift) -> Mapping[str, float]:
    return read(generate_latest(shift.registry).decode())


def scrape(port: int) -> Mapping[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return read(answer.read().decode())


def turn(port: int) -> float:
    """Return what a worker says of its turn, -1 where it says nothing."""
    try:
        return scrape(port)["receiver_worker_turn"]
    except OSError:
        return -1.0


@contextmanager
def worker(url: str, var: Path, port: int) -> Iterator[Running]:
    more = {"DATABASE_URL": url, "RECEIVER_WORKER_OPERATIONS": f"127.0.0.1:{port}"}
    with running("worker", var=var, **more) as command:
        yield command


def succeed(_: psycopg.Connection[Any]) -> None:
    """Do nothing, with success."""


def divide(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT 1 / 0")


def hang_up(connection: psycopg.Connection[Any]) -> None:
    connection.close()
    connection.execute("SELECT 1")


def test_of_two_workers_one_works_and_both_say_so(make_database: MakeDatabase, var: Path) -> None:
    url, ports = make_database(), (free_port(), free_port())
    with worker(url, var, ports[0]) as first:
        eventually(lambda: turn(ports[0]) == 1 and DONE in scrape(ports[0]), 30)
        with worker(url, var, ports[1]) as second:
            second.wait_for("worker_waits")
            waiting = scrape(ports[1])
            assert waiting["receiver_worker_turn"] == 0
            assert not [name for name in waiting if "timestamp" in name]  # those of one alone
            eventually(lambda: scrape(ports[0])['receiver_duty_seconds_count{duty="counts"}'] > 1)
            working = scrape(ports[0])
            assert working['receiver_duty_failures_total{duty="counts"}'] == 0
            assert working['receiver_duty_period_seconds{duty="partitions"}'] == HOUR

            assert first.stop() == 0
            eventually(lambda: turn(ports[1]) == 1)
            assert second.stop() == 0
        assert "Traceback" not in first.output + second.output


def test_a_place_that_is_taken_is_one_sentence(make_database: MakeDatabase, var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with worker(make_database(), var, port) as command:
            assert command.process.wait(20) == 1
            assert command.output.count("\n") == 1
            assert f"127.0.0.1:{port} is taken" in command.output
            assert "another port with RECEIVER_WORKER_OPERATIONS" in command.output


def test_a_duty_that_fails_is_told_beside_those_that_are_done(database_url: str) -> None:
    shift = Shift([Duty("good", succeed, 5), Duty("bad", divide, 5)])
    with connect(database_url) as connection, shift.begun():
        since = shift.since
        for duty in 2 * list(shift.duties):
            duty.do(connection)
        seen = told(shift)

    assert seen['receiver_duty_seconds_count{duty="good"}'] == 2
    assert seen['receiver_duty_seconds_count{duty="bad"}'] == 2
    assert seen['receiver_duty_failures_total{duty="good"}'] == 0
    assert seen['receiver_duty_failures_total{duty="bad"}'] == 2
    done = [seen[f'receiver_duty_success_timestamp_seconds{{duty="{n}"}}'] for n in ("good", "bad")]
    assert done[0] > done[1] == since  # which grows old from the beginning


def test_lost_lines_end_no_turn_and_another_worker_does(database_url: str) -> None:
    shift = Shift([Duty("deadly", hang_up, 5)])
    done = 'receiver_duty_success_timestamp_seconds{duty="deadly"}'
    assert done not in told(shift)
    since = set()
    for failures in (1, 2):
        with connect(database_url) as connection, shift.begun():
            assert told(shift)["receiver_worker_turn"] == 1
            with pytest.raises(psycopg.OperationalError):
                shift.duties[0].do(connection)
        seen = told(shift)
        assert seen["receiver_worker_turn"] == 0
        assert seen['receiver_duty_failures_total{duty="deadly"}'] == failures
        since.add(seen[done])

    assert len(since) == 1
    shift.waits()
    assert done not in told(shift)


def test_what_alarms_and_dashboard_ask_a_worker_for_is_there_and_documented() -> None:
    shift = Shift([Duty("counts", succeed, 5)])
    with shift.begun():
        names = {name.partition("{")[0] for name in told(shift)}
    config = [(ROOT / "config" / name).read_text() for name in ("alerts.yml", "dashboard.json")]
    page = (
        (ROOT / "docs" / "monitoring.md").read_text().replace("`_sum`", "receiver_duty_seconds_sum")
    )

    asked = {name for text in config for name in OWN.findall(text)}

    assert asked <= names == set(OWN.findall(page))
    assert all("receiver_duty_success_timestamp_seconds" in text for text in config)


def test_every_duty_is_documented(database_url: str, tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, reconcile=1, secret_keys=[])
    names = {duty.name for duty in _duties(settings, make_engine(database_url))}
    page = (ROOT / "docs" / "monitoring.md").read_text().partition("Duties are ")[2]

    assert set(re.findall(r"`(\w+)`", page.partition("\n\n")[0])) == names


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/health/live", 200, id="live"),
        pytest.param("HEAD", "/metrics", 200, id="head"),
        pytest.param("GET", "/metrics?name[]=x", 200, id="query"),
        pytest.param("GET", "/", 404, id="root"),
        pytest.param("GET", "/metrics/", 404, id="beside"),
        pytest.param("GET", "/hooks/x", 404, id="hook"),
        pytest.param("POST", "/hooks/x", 501, id="post"),
        pytest.param("GET", "/<script>", 404, id="markup"),
    ],
)
def test_little_is_answered_and_nothing_is_quoted(method: str, path: str, status: int) -> None:
    port = free_port()
    with operations.told(listener(port), Shift().registry):
        line = HTTPConnection("127.0.0.1", port, timeout=5)
        line.request(method, path)
        answer = line.getresponse()
        body = answer.read()

    assert answer.status == status
    assert (method == "HEAD") == (body == b"")
    assert b"hooks" not in body
    assert b"<" not in body


def test_whoever_is_silent_holds_few_lines() -> None:
    port = free_port()
    with operations.told(listener(port), CollectorRegistry()):
        before = threading.active_count()
        with ExitStack() as silent:
            for _ in range(operations.MOST_LINES):
                silent.enter_context(socket.create_connection(("127.0.0.1", port)))
            eventually(lambda: refused(port))
            assert threading.active_count() <= before + operations.MOST_LINES
        eventually(lambda: not refused(port))


def refused(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5).close()
    except OSError:
        return True
    return False


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_it_listens_on_ipv6_and_lets_go(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    for _ in range(2):
        with operations.told(listener(port, "::1"), Shift().registry):
            url = f"http://[::1]:{port}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.read().startswith(b"# HELP receiver_worker_turn")
    assert caplog.text == ""


def test_nowhere_is_nowhere() -> None:
    with operations.told(None, CollectorRegistry()):
        pass
    with (
        pytest.raises(SetupError, match="correct HERE"),
        operations.told(listener(9, "203.0.113.7"), CollectorRegistry()),
    ):
        pass
