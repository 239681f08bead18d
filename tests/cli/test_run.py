"""`receiver run` from outside: what it brings up, what it says, and that nothing stays behind."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import requests

from receiver.cli.database import session_on
from receiver.cli.first import prepare
from receiver.client import Receiver
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY
from receiver.settings import Settings
from receiver.store import entities
from tests.cli.processes import (
    Running,
    alive,
    eventually,
    free_port,
    postmaster,
    processes_naming,
    receiver,
    running,
    status_of,
)

WELCOME = "Receiver is up"


def entrance(var: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((var / "receiver.json").read_text())
    return known


def quiet(var: Path) -> bool:
    return not processes_naming(f"RECEIVER_VAR={var}") and not processes_naming(f"{var}/postgres")


def up(command: Running, port: int) -> None:
    command.wait_for(WELCOME)
    assert status_of(f"http://127.0.0.1:{port}/health/live") == 200


def assert_customer_is_heard(known: dict[str, Any]) -> None:
    """Let a customer of the sandbox write, and find the message in the ledger."""
    said = {"from": "447700900123", "to": "447700900000", "text": "Hello"}
    sandbox = f"{known['sandbox_url']}/sandbox/mo"
    eventually(lambda: status_of(f"{known['sandbox_url']}/sandbox/book") == 200, 30)
    tid = requests.post(sandbox, json=said, timeout=5).json()["tid"]
    receiver = Receiver(known["base_url"], known["api_key"])
    eventually(lambda: [each.text for each in receiver.messages.list(tid=tid)] == ["Hello"])


def test_run_brings_all_of_it_up_and_sigterm_ends_all_of_it(
    var: Path, call: Callable[..., CompletedProcess[str]]
) -> None:
    port = free_port()
    with running("run", var=var, PORT=str(port)) as command:
        up(command, port)
        first = entrance(var)
        pid = postmaster(var)
        assert (var / "receiver.json").stat().st_mode & 0o777 == 0o600
        assert first["base_url"] == f"http://127.0.0.1:{port}"
        assert first["hook_url"].startswith(f"{first['base_url']}/hooks/")
        assert first["postgres_data"] == str(var / "postgres")
        assert first["hook_url"] in command.output
        assert first["api_key"] in command.output

        again = receiver("run", var=var, PORT=str(port))
        assert (again.returncode, again.stdout) == (1, "")
        assert "is taken" in again.stderr
        elsewhere = receiver("run", var=var, PORT=str(free_port()))
        assert elsewhere.returncode == 1
        assert "runs already" in elsewhere.stderr
        assert "up" in call("status").stdout
        assert_customer_is_heard(first)
        assert first["hook_url"] in call("points", "list").stdout

        assert command.stop() == 0
        assert "Traceback" not in command.output
        assert not alive(pid)
        assert quiet(var)

    other = free_port()
    with running("run", var=var, PORT=str(other)) as command:
        up(command, other)
        now = entrance(var)
        assert now["api_key"] == first["api_key"]
        assert now["base_url"] == f"http://127.0.0.1:{other}"
        assert now["hook_url"].rpartition("/")[2] == first["hook_url"].rpartition("/")[2]
        assert command.stop(signal.SIGINT) == 0
    assert quiet(var)


def test_killed_run_takes_its_children_along_and_two_ctrl_c_the_next(var: Path) -> None:
    port = free_port()
    with running("run", var=var, PORT=str(port)) as command:
        up(command, port)
        key = entrance(var)["api_key"]
        command.stop(signal.SIGKILL)
        eventually(lambda: not processes_naming(f"RECEIVER_VAR={var}"))

    with running("run", var=var, PORT=str(port)) as command:
        up(command, port)
        assert entrance(var)["api_key"] == key

        command.process.send_signal(signal.SIGINT)
        assert command.stop(signal.SIGINT) == 0
        assert "Traceback" not in command.output
    assert quiet(var)


def test_web_worker_and_postgres_are_started_again(var: Path) -> None:
    port = free_port()
    with running("run", var=var, PORT=str(port)) as command:
        up(command, port)
        command.wait_for("worker_works")
        before = {postmaster(var), *processes_naming(f"RECEIVER_VAR={var}")}
        before.discard(command.process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)

        eventually(lambda: postmaster(var) not in {0, *before}, 20)
        eventually(lambda: status_of(f"http://127.0.0.1:{port}/health/live") == 200, 20)
        eventually(lambda: command.output.count("worker_works") > 1, 20)
        assert command.stop() == 0
    assert quiet(var)


def test_stopped_while_it_starts(var: Path) -> None:
    with running("run", var=var, PORT=str(free_port())) as command:
        eventually((var / "postgres" / "postmaster.pid").exists)
        assert command.stop() == 0
        assert command.output == ""
    assert quiet(var)


def test_database_url_is_used(var: Path, make_database: Callable[[], str]) -> None:
    port = free_port()
    url = make_database().replace("postgresql://", "postgres://")
    with running("run", var=var, PORT=str(port), DATABASE_URL=url) as command:
        up(command, port)
        assert entrance(var)["postgres_data"] is None
        assert not (var / "postgres").exists()
        assert command.stop() == 0
    assert quiet(var)


def test_the_first_point_s_platform_is_the_sandbox_until_it_has_another(
    var: Path, make_database: Callable[[], str]
) -> None:
    settings, url = Settings(var_dir=var), make_database()

    def platform_of(sandbox_url: str) -> tuple[str, str, str]:
        prepare(settings, url, sandbox_url=sandbox_url)
        with session_on(url) as session:
            (row,) = entities.rows(session, domain="default")
            shown = entities.shown(row, settings.sealer)
            opts = shown["opts"]
            return opts["platform_url"], shown["token_remote"], opts["profile_key"]

    assert platform_of("http://127.0.0.1:1") == ("http://127.0.0.1:1", SERVICE_KEY, PROFILE_KEY)
    assert platform_of("http://127.0.0.1:2")[0] == "http://127.0.0.1:2"
    with session_on(url) as session:
        (row,) = entities.rows(session, domain="default")
        row.token_remote = None
    assert platform_of("http://127.0.0.1:3")[0] == "http://127.0.0.1:2"


def test_key_of_another_database_is_replaced(var: Path, make_database: Callable[[], str]) -> None:
    settings = Settings(var_dir=var, database_url="postgresql://elsewhere/receiver")
    url = make_database()

    first = prepare(settings, url)
    again = prepare(settings, url)
    moved = prepare(settings, make_database())

    assert again == first
    assert moved.api_key != first.api_key
    assert entrance(var)["api_key"] == moved.api_key


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"RECEIVER_VAR": "/proc/receiver"}, "can't write", id="unwritable"),
        pytest.param(
            {"DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/db"},
            "can't be reached",
            id="nobody-listens",
        ),
        pytest.param(
            {"DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:pört/db"},
            "DATABASE_URL",
            id="bad-url",
        ),
        pytest.param({"DATABASE_URL": "mysql://me:hunter2@db/db"}, "DATABASE_URL", id="mysql"),
        pytest.param({"PORT": "eighty"}, "PORT", id="bad-port"),
        pytest.param({"RECEIVER_HOST": "203.0.113.7"}, "RECEIVER_HOST", id="not-our-address"),
        pytest.param(
            {"RECEIVER_OPERATIONS": "203.0.113.7:9100"}, "RECEIVER_OPERATIONS", id="nor-that-one"
        ),
    ],
)
def test_foreseeable_fault_is_one_sentence(var: Path, more: dict[str, str], said: str) -> None:
    done = receiver("run", **{"var": var, "PORT": str(free_port()), **more})  # type: ignore[arg-type]

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
