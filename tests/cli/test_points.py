"""`receiver points` and `receiver secrets`: the same checks as over the API, secrets on stdin."""

import base64
import io
import json
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest

from receiver.sealing import Sealer, key_from
from receiver.store.database import libpq_url

Call = Callable[..., CompletedProcess[str]]
KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in range(2)]


class Shell:
    """The command on one database, with what is piped into it."""

    def __init__(self, call: Call, patch: pytest.MonkeyPatch, url: str) -> None:
        self.url = url
        self._call = call
        self._patch = patch

    def points(self, *arguments: str, piped: str = "", **more: str) -> CompletedProcess[str]:
        return self.run("points", *arguments, piped=piped, **more)

    def run(self, *arguments: str, piped: str = "", **more: str) -> CompletedProcess[str]:
        self._patch.setattr("sys.stdin", io.StringIO(piped))
        return self._call(*arguments, DATABASE_URL=self.url, **more)

    def shown(self, code: str, **more: str) -> Any:
        done = self.points("show", code, "--secrets", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def rows(self, statement: str) -> list[Any]:
        with psycopg.connect(libpq_url(self.url)) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def shell(call: Call, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Shell:
    return Shell(call, monkeypatch, database_url)


def test_a_point_is_made_changed_shown_and_deleted(shell: Shell) -> None:
    networks = 'opts.allow_ips=["192.0.2.0/24"]'
    added = shell.points(
        *("add", "whole", "--title", "Whole", "--set", networks, "--set", "opts.disabled=true"),
        *("--secret", "token_remote", "--secret", "opts.signature_secrets"),
        *("--set", "opts.signature=required", "--platform-url", "https://api.example.com/"),
        piped="service-key\nhub-secret\n",
    )
    assert (added.returncode, added.stderr) == (0, "")
    point = shell.shown("whole")
    assert added.stdout.strip().endswith(f"/hooks/{point['token_local']}")
    assert (point["token_remote"], point["token_remote2"]) == ("service-key", "hub-secret")
    assert (point["opts"]["allow_ips"], point["opts"]["disabled"]) == (["192.0.2.0/24"], True)
    assert point["opts"]["platform_url"] == "https://api.example.com"

    changed = shell.points(
        "set", point["id"], "--set", "code=changed", "--platform-key", piped="k2"
    )
    assert (changed.returncode, shell.shown("changed")["token_remote"]) == (0, "k2")
    hidden = shell.points("show", "changed").stdout
    assert "k2" not in hidden
    assert "hub-secret" not in hidden
    deleted = shell.points("delete", "changed", "--yes")
    assert (deleted.returncode, shell.points("show", "changed").returncode) == (0, 1)
    verbs = "SELECT verb, before::text, after::text FROM audit_log WHERE ids[1] = '{}' ORDER BY seq"
    lines = shell.rows(verbs.format(point["id"]))
    assert [line[0] for line in lines] == ["point.create", "point.update", "point.delete"]
    assert "service-key" not in str(lines)
    assert "hub-secret" not in str(lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "bad", "--set", "opts.timezone=Mars/Base"), "opts.timezone: must be the name"),
        (("add", "bad", "--set", "opts.colour=1"), "opts.colour"),
        (("add", "bad", "--set", "opts.disabled=maybe"), "opts.disabled"),
        (("add", "bad", "--set", "recv_svcscriptcode=nothing"), "ws_hook"),
        (("add", "bad", "--set", "token_remote=x"), "give it on stdin"),
        (("add", "bad", "--set", "x"), "NAME=VALUE"),
        (("set", "bad"), "name what to set"),
        (("rotate", "bad", "--grace", "soon"), "7d"),
        (("show", "bad"), "no point bad"),
    ],
)
def test_wrong_calls_are_told(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = shell.points(*arguments)

    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_tokens_and_secrets_are_rotated(shell: Shell) -> None:
    shell.points("add", "rotated", "--secret", "token_remote2", piped="old\n")
    first = shell.shown("rotated")

    fresh = shell.points("rotate", "rotated", "--grace", "12h").stdout.strip()
    shell.points("rotate", "rotated", "--signature", piped="new\n")

    now = shell.shown("rotated")
    one, two = now["opts"]["tokens"]
    assert (one["token"], two["until"]) == (first["token_local"], None)
    assert fresh.endswith(f"/hooks/{two['token']}")
    assert now["token_remote2"] == "new"
    assert now["opts"]["signature_secrets"][1]["secret"] == "old"


def test_keys_have_their_lines_too(shell: Shell) -> None:
    secret = shell.run("keys", "add", "audited").stdout.strip()
    shell.run("keys", "revoke", secret[:11])

    lines = shell.rows("SELECT verb, after::text FROM audit_log WHERE kind = 'key' ORDER BY seq")

    assert [verb for verb, _ in lines][-2:] == ["key.create", "key.revoke"]
    assert secret not in str(lines)


def test_what_is_sealed_is_sealed_anew_with_the_first_key(
    call: Call, monkeypatch: pytest.MonkeyPatch, make_database: Callable[[], str]
) -> None:
    shell = Shell(call, monkeypatch, make_database())
    old, new = {"RECEIVER_SECRET_KEYS": KEYS[0]}, {"RECEIVER_SECRET_KEYS": KEYS[1]}
    both = {"RECEIVER_SECRET_KEYS": f"{KEYS[1]},{KEYS[0]}"}
    for code in ("a", "b"):
        secrets = ("--platform-key", "--secret", "token_remote2", "--secret", "opts.profile_key")
        shell.points("add", code, *secrets, piped="hub\nprofile\nkey\n", **old)
    shell.points("add", "plain", **old)

    alone = shell.run("secrets", "rotate", **new)
    done = shell.run("secrets", "rotate", **both)
    again = shell.run("secrets", "rotate", **new)

    assert alone.returncode == 1
    assert "a (token_remote)" in alone.stderr
    assert "sealed anew: 6 secrets; points with secrets: 2" in done.stdout
    assert (again.returncode, "sealed anew: 0" in again.stdout) == (0, True)
    sealer = Sealer([key_from(KEYS[1])])
    columns = "token_remote, signature_secrets, profile_key"
    for row in shell.rows(f"SELECT {columns} FROM integration_points WHERE code <> 'plain'"):
        assert all(sealer.is_newest(bytes(sealed)) for sealed in row)
    assert shell.shown("a", **new)["opts"]["profile_key"] == "profile"
    [(ids,)] = shell.rows("SELECT ids FROM audit_log WHERE verb = 'secrets.rotate'")
    assert len(ids) == 2


def test_on_a_disk_that_is_lost_the_cure_is_named(shell: Shell) -> None:
    done = shell.points("add", "lost", "--platform-key", piped="key\n", DYNO="web.1")

    assert done.returncode == 1
    assert "RECEIVER_SECRET_KEYS" in done.stderr
    assert shell.points("add", "lost", DYNO="web.1").returncode == 0
