"""`receiver quarantine`, in this process."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from receiver.cli import commands
from receiver.domain.errors import ConflictError, NotFoundError
from receiver.store import points
from receiver.store.database import connect, make_engine
from receiver.store.points import Point
from tests.conftest import MakeDatabase
from tests.web.quarantined import keep
from tests.web.service import make_transid, receipt


class Shell:
    """A shell with one database, and a point in it."""

    def __init__(self, url: str, var: Path) -> None:
        self.url = url
        self._environ = {"DATABASE_URL": url, "RECEIVER_VAR": str(var)}
        engine = make_engine(url)
        with Session(engine) as session, session.begin():
            self.point: Point = points.add(session, domain="default", code="otp")
        engine.dispose()

    def __call__(self, *arguments: str, typed: str = "") -> Result:
        arguments = ("quarantine", *arguments)
        return CliRunner().invoke(commands, arguments, input=typed, env=self._environ)

    def told(self, *arguments: str) -> Any:
        done = self(*arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def keep(self) -> tuple[str, str]:
        """Keep a receipt that was not understood; return its id and its transid."""
        transid = make_transid()
        raw = json.dumps(receipt(transid, "Delivered")).encode()
        return keep(self.url, self.point, raw, "unrecognised", shape="{a: text}"), transid


@pytest.fixture
def shell(make_database: MakeDatabase, tmp_path: Path) -> Shell:
    return Shell(make_database(), tmp_path)


def test_one_is_listed_shown_and_replayed(shell: Shell) -> None:
    id_, transid = shell.keep()

    listed = shell("list", "--reason", "unrecognised", "--state", "open", "--point", "otp")
    [group] = shell.told("list", "--group", "--like", id_, "--json")
    shown = shell.told("show", id_)
    replayed = shell.told("replay", id_)

    assert id_ in listed.stdout
    assert (group["count"], group["example"]) == (1, id_)
    assert transid in shown["raw"]
    assert (replayed["state"], replayed["results"][0]["result"]) == ("replayed", "accepted")
    [after] = shell.told("list", "--json")
    assert (after["state"], after["replays"][0]["who"]["kind"]) == ("replayed", "shell")
    with connect(shell.url) as connection:
        found = connection.execute("SELECT verb, who_kind FROM audit_log ORDER BY seq").fetchall()
    assert found == [("raw.read", "shell"), ("quarantine.replay", "shell")]


def test_many_are_left_to_the_worker_once_somebody_says_yes(shell: Shell) -> None:
    id_, _ = shell.keep()
    shell.keep()

    refused = shell("replay", typed="n\n")
    begun = shell("replay", "--reason", "unrecognised", "--like", id_, "--yes")
    none = shell("replay", "--reason", "disabled", "--yes")
    job = shell.told("job", begun.stdout.strip())
    assert shell.told("jobs", "--json") == [job]
    assert job["id"] in shell("jobs").stdout
    cancelled = shell.told("job", job["id"], "--cancel")
    discarding = shell.told("job", shell("discard", "--point", "otp", "--yes").stdout.strip())

    assert "none of 2" in refused.stdout
    assert "none of 0" in none.stdout
    assert (job["state"], job["total"], cancelled["state"]) == ("waiting", 2, "cancelled")
    assert (discarding["kind"], discarding["total"]) == ("quarantine.discard", 2)


def test_one_is_discarded(shell: Shell) -> None:
    id_, _ = shell.keep()

    assert shell("discard", id_).stdout == f"discarded: {id_}\n"

    assert shell.told("list", "--json", "--state", "discarded")[0]["id"] == id_
    shell("replay", id_)
    assert isinstance(shell("discard", id_).exception, ConflictError)


def test_what_is_not_there_is_told(shell: Shell) -> None:
    assert isinstance(shell("show", "x").exception, NotFoundError)
    assert isinstance(shell("job", "x").exception, NotFoundError)
    assert shell("replay", "x", "--reason", "disabled").exit_code == 2
    assert shell("list").stdout == "none\n"
