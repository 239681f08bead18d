"""`receiver points`, `keys`, `status` and `migrate` on a database of their own."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from receiver.store.database import connect
from tests.web.server import serving
from tests.web.test_health import keep_snapshot

Call = Callable[..., CompletedProcess[str]]


def test_points_are_added_once_and_listed(call: Call, make_database: Callable[[], str]) -> None:
    url = make_database()
    public = {"DATABASE_URL": url, "RECEIVER_PUBLIC_URL": "https://hooks.example.org/"}

    added = call("points", "add", "sms", "--title", "Texts", **public)
    again = call("points", "add", "sms", **public)
    listed = call("points", "list", "--json", **public)

    assert added.stdout.startswith("https://hooks.example.org/hooks/")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    (point,) = json.loads(listed.stdout)
    assert (point["code"], point["hook_url"]) == ("sms", added.stdout.strip())


def test_a_point_is_told_where_the_platform_is(
    call: Call, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    more = {"DATABASE_URL": url, "RECEIVER_RECONCILE": "0"}
    call("points", "add", "sms", **more)

    def tell(typed: str, *arguments: str) -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", StringIO(typed))
        return call("points", "set", "sms", *arguments, **more)

    def kept() -> tuple[Any, ...]:
        query = "SELECT opts ->> 'platform_url', token_remote FROM integration_points"
        with connect(url) as connection:
            row: tuple[Any, ...] = connection.execute(query).fetchall()[0]
        return row

    assert tell("", "--platform-url", "https://api.example.com/").returncode == 0
    assert kept() == ("https://api.example.com", None)
    assert tell("secret-17\n", "--platform-key").returncode == 0
    address, sealed = kept()
    assert address == "https://api.example.com"
    assert sealed
    assert b"secret-17" not in sealed
    assert tell("\n", "--platform-key", "--platform-url", "").returncode == 0
    assert kept() == ("", None)

    with connect(url) as connection:
        log = connection.execute(
            "SELECT verb, before, after FROM audit_log ORDER BY seq"
        ).fetchall()
    assert [verb for verb, *_ in log] == ["point.create", *["point.update"] * 3]
    assert log[2][2]["token_remote"] == "***"
    assert log[3][1]["opts"]["platform_url"] == "https://api.example.com"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "--platform-url, --platform-key"),
        (("--platform-url", "ftp://example.com"), 1, "https://api.example.com"),
        (("--platform-url", "https://me:pw@example.com"), 1, "without user"),
        (("--platform-key",), 1, "plain characters"),
    ],
)
def test_what_is_no_address_or_key_is_told(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("schl\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel\n"))

    done = call("points", "set", "sms", *arguments)

    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr


def test_keys_are_made_narrowed_listed_and_revoked(
    call: Call, make_database: Callable[[], str]
) -> None:
    more = {"DATABASE_URL": make_database()}
    call("points", "add", "sms", **more)
    arguments = ("--scope", "read", "--point", "sms", "--expires", "90d")

    added = call("keys", "add", "board", *arguments, **more)
    (key,) = json.loads(call("keys", "list", "--json", **more).stdout)
    revoked = call("keys", "revoke", key["prefix"], **more)
    (after,) = json.loads(call("keys", "list", "--json", **more).stdout)

    assert added.stdout.strip().startswith(key["prefix"])
    assert key["scopes"] == ["read"]
    assert len(key["points"]) == 1
    assert key["expires_at"] is not None
    assert revoked.returncode == 0
    assert after["revoked_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("keys", "revoke", "rk_none"), 1, "rk_none", id="unknown-key"),
        pytest.param(("keys", "add", "x", "--point", "none"), 1, "none", id="unknown-point"),
        pytest.param(("keys", "add", "x", "--scope", "root"), 2, "root", id="unknown-scope"),
        pytest.param(("keys", "add", "x", "--expires", "2001-01-01"), 2, "past", id="past"),
        pytest.param(("points", "add"), 2, "CODE", id="no-code"),
        pytest.param(("dance",), 2, "dance", id="unknown-command"),
    ],
)
def test_wrong_calls_are_told(
    call: Call, database_url: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = call(*arguments, DATABASE_URL=database_url)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_status_tells_what_is_missing(call: Call, make_database: Callable[[], str]) -> None:
    url = make_database()
    done = call("status", "--json", DATABASE_URL=url, PORT="1")
    told = json.loads(done.stdout)

    assert done.returncode == 1
    assert (told["database"], told["service"]) == ("up", "not reachable")
    assert "receipts_24h" in told
    assert told["kept"]["quarantine"] == {"days": 90, "rows": 0, "since": None}
    assert "make run" in call("status").stdout


def test_status_tells_what_the_service_sees(
    call: Call, make_database: Callable[[], str], tmp_path: Path
) -> None:
    url = make_database()
    assert call("migrate", DATABASE_URL=url).returncode == 0  # partitions, far ahead
    spool = {"RECEIVER_SPOOL": str(tmp_path / "spool"), "RECEIVER_VAR": str(tmp_path)}
    with serving(url, tmp_path / "log", **spool) as server:
        done = call("status", "--json", DATABASE_URL=url, PORT=str(server.port))

    told = json.loads(done.stdout)
    assert (done.returncode, told["service"], told["store"], told["spool"]) == (0, "up", "ok", "ok")
    assert [told[f"spool_{name}"] for name in ("facts", "bytes", "oldest_seconds", "damaged")] == (
        [0, 0, 0, 0]
    )


def test_status_calls_a_service_that_only_spools_degraded(
    call: Call, make_database: Callable[[], str], tmp_path: Path
) -> None:
    url = make_database()
    spool = {"RECEIVER_SPOOL": str(tmp_path / "spool"), "RECEIVER_VAR": str(tmp_path)}
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    keep_snapshot(tmp_path, "token")
    with serving(nowhere, tmp_path / "log", **spool) as server:
        done = call("status", DATABASE_URL=url, PORT=str(server.port))

    assert done.returncode == 1
    told = dict(line.split(None, 1) for line in done.stdout.splitlines() if line)
    assert told["service"].startswith("degraded")
    assert (told["database"], told["store"], told["spool_facts"]) == ("up", "away", "0")


def test_migrate_on_an_embedded_postgres_of_its_own(call: Call) -> None:
    first = call("migrate")
    second = call("migrate")

    assert (first.returncode, second.returncode) == (0, 0)
    assert second.stdout.endswith("partitions made: 0\n")


def test_commands_without_a_database_name_the_cure(call: Call) -> None:
    done = call("points", "list")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "receiver: no database: start `make run`, or set DATABASE_URL\n"
