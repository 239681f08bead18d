"""The embedded Postgres: one owner, found by others, back after every kind of end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import psycopg
import pytest

from receiver.domain.errors import SetupError
from receiver.embedded import data_folder, database_url
from receiver.embedded import running as embedded_running
from receiver.embedded.parameters import wal_mb
from receiver.settings import Settings
from tests.cli.processes import Running, alive, environment, eventually, postmaster

ROOT_ONLY: Final = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
OWNER: Final = """
import time
from receiver.embedded import running
from receiver.settings import Settings
from receiver.signals import heeded
with heeded(), running(Settings.from_environ()) as url:
    print(f"up {url}", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_owner(var: Path) -> Iterator[Running]:
    log = var / f"owner.{time.monotonic_ns()}.log"
    process = Running([sys.executable, "-c", OWNER], environment(var), log)
    try:
        process.wait_for("up ")
        yield process
    finally:
        if process.process.poll() is None:
            process.stop()


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def put(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_is_durable_private_and_finds_its_data(var: Path) -> None:
    settings = Settings(var_dir=var)
    with embedded_running(settings) as url:
        put(url, 7)
        assert ask(url, "SHOW fsync") == "on"
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SHOW timezone") == "UTC"
        assert (var / "socket").stat().st_mode & 0o777 == 0o700
        assert database_url(settings) == url
        pid = postmaster(var)

    assert not alive(pid)
    with embedded_running(settings) as url:
        assert ask(url, "SELECT number FROM kept") == 7


def test_the_log_of_changes_takes_an_eighth_of_the_disk(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_running(Settings(var_dir=var)) as url:
        assert ask(url, "SHOW max_wal_size") in {f"{wal_mb(var)}MB", f"{wal_mb(var) // 1024}GB"}
    sizes = []
    for gibibytes in (2, 16, 1000):
        usage = SimpleNamespace(total=gibibytes * 1024**3)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, found=usage: found)
        sizes.append(wal_mb(var))
    assert sizes == [1024, 2048, 4096]


def test_no_server_is_one_sentence(var: Path) -> None:
    with pytest.raises(SetupError, match="make run"):
        database_url(Settings(var_dir=var))


def test_second_user_shares_the_server_and_takes_over(var: Path) -> None:
    settings = Settings(var_dir=var)
    with another_owner(var) as owner:
        first = postmaster(var)
        with embedded_running(settings) as url:
            put(url, 1)
            assert postmaster(var) == first
            owner.stop()
            eventually(lambda: _answers(url))
            assert ask(url, "SELECT number FROM kept") == 1
            assert postmaster(var) != first


def test_killed_owner_leaves_a_server_that_the_next_one_takes(var: Path) -> None:
    with another_owner(var) as owner:
        put(database_url(Settings(var_dir=var)), 2)
        owner.stop(signal.SIGKILL)
    left = postmaster(var)
    assert alive(left)

    with embedded_running(Settings(var_dir=var)) as url:
        assert ask(url, "SELECT number FROM kept") == 2
        mine = postmaster(var)

    assert not alive(left)
    assert not alive(mine)


def test_server_that_dies_is_started_again(var: Path) -> None:
    with embedded_running(Settings(var_dir=var)) as url:
        put(url, 3)
        pid = postmaster(var)
        os.kill(pid, signal.SIGKILL)

        eventually(lambda: _answers(url) and postmaster(var) != pid)
        assert ask(url, "SELECT number FROM kept") == 3


def test_pid_file_of_another_program_is_not_believed(var: Path) -> None:
    settings = Settings(var_dir=var)
    with embedded_running(settings):
        text = (var / "postgres" / "postmaster.pid").read_text()
    stranger = str(os.getpid())
    stale = var / "postgres" / "postmaster.pid"
    stale.write_text("\n".join([stranger, *text.split("\n")[1:]]))

    with embedded_running(settings) as url:
        assert ask(url, "SELECT 1") == 1


def test_interrupted_initdb_is_repaired(var: Path) -> None:
    half = var / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with embedded_running(Settings(var_dir=var)) as url:
        assert ask(url, "SELECT 1") == 1


def test_long_path_gets_a_short_socket(var: Path) -> None:
    deep = var / ("long" * 20) / "v"
    settings = Settings(var_dir=deep)

    with embedded_running(settings) as url:
        assert ask(url, "SELECT 1") == 1
        assert "%2Ftmp%2Freceiver-" in url


@ROOT_ONLY
def test_roots_private_folder_sends_the_data_elsewhere_for_good(var: Path) -> None:
    var.chmod(0o700)
    settings = Settings(var_dir=var)
    said: list[str] = []
    with embedded_running(settings, announce=said.append) as url:
        put(url, 4)
    data = data_folder(settings)
    assert data is not None
    assert not data.is_relative_to(var)
    assert str(data.parent) in said[0]

    with embedded_running(settings) as url:
        assert ask(url, "SELECT number FROM kept") == 4
        assert data_folder(settings) == data
    subprocess.run(["/bin/rm", "-r", str(data.parent)], check=True)


@ROOT_ONLY
def test_folder_that_cannot_be_written_is_one_sentence() -> None:
    settings = Settings(var_dir=Path("/proc/receiver"))

    with pytest.raises(SetupError, match="RECEIVER_VAR"), embedded_running(settings):
        pass


def _answers(url: str) -> bool:
    try:
        return ask(url, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False
