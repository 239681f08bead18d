"""`receiver spool`: what waits is shown, and another host's spool is adopted."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from receiver.inbox.spool.segments import APPLIED, DAMAGED
from receiver.store.database import connect
from tests.inbox.spool.spools import KEY, make_facts, make_spool, names, waiting

Call = Callable[..., CompletedProcess[str]]
KEYS = {"RECEIVER_SECRET_KEYS": base64.b64encode(KEY).decode()}


def spooled(folder: Path, count: int, *, domain: str = "") -> Path:
    spool = make_spool(folder)
    spool.put(make_facts(count, domain=domain))
    spool.close()
    return waiting(folder)[-1]


def test_status_tells_of_every_segment(call: Call, var: Path) -> None:
    folder = var / "spool"
    first = spooled(folder, 3)
    first.rename(first.with_name(first.name + DAMAGED))
    second = spooled(folder, 4)
    second.rename(second.with_name(second.name + APPLIED))
    third = spooled(folder, 5)
    spool = make_spool(folder)
    spool.put(make_facts(6))

    told = json.loads(call("spool", "status", "--json").stdout)
    shown = call("spool", "status", str(folder))

    assert (told["facts"], told["segments"], told["damaged"]) == (11, 2, 1)
    states = [(file["state"], file["facts"], file["owner_alive"]) for file in told["files"]]
    assert states == [
        ("damaged", 3, False),
        ("applied", 4, False),
        ("waiting", 5, False),
        ("writing", 6, True),
    ]
    assert third.name in shown.stdout
    assert "waiting: 11 facts in 2 segments" in shown.stdout
    spool.close()


def test_one_that_cannot_be_read_is_said_and_keeps_no_other(
    call: Call, var: Path, database_url: str
) -> None:
    first = spooled(var / "spool", 3)
    strange = first.with_name(f"0{first.name}")
    strange.mkdir()

    told = json.loads(call("spool", "status", "--json").stdout)
    done = call("spool", "drain", DATABASE_URL=database_url, **KEYS)

    states = [(file["name"], file["state"], file["facts"]) for file in told["files"]]
    assert states == [(strange.name, "unreadable", 0), (first.name, "waiting", 3)]
    assert (told["facts"], told["damaged"]) == (3, 1)
    assert done.returncode == 1
    assert f"not applied: {strange.name}: it can't be read: Is a directory" in done.stderr
    assert "applied: 3 facts of 1 segments" in done.stdout


def test_no_spool_is_nothing_to_tell(call: Call) -> None:
    done = call("spool", "status")
    off = call("spool", "status", RECEIVER_SPOOL="off")

    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "none")
    assert (off.returncode, off.stderr.count("\n")) == (1, 1)


def test_what_another_host_left_is_adopted(call: Call, var: Path, database_url: str) -> None:
    folder = var / "theirs"
    path = spooled(folder, 7, domain="adopted")
    keys = var / "their.key"
    keys.write_text(base64.b64encode(KEY).decode() + "\n")
    more = {"DATABASE_URL": database_url}

    strange = call("spool", "drain", str(folder), **more)
    done = call("spool", "drain", str(folder), "--key-file", str(keys), **more)
    again = call("spool", "drain", str(folder), "--again", **more, **KEYS)

    assert (strange.returncode, strange.stdout.splitlines()[-1]) == (
        1,
        "applied: 0 facts of 0 segments",
    )
    assert "a key that we don't have" in strange.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "applied: 7 facts of 1 segments")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (
        0,
        "applied: 7 facts of 1 segments",
    )
    assert names(folder) == [path.name + APPLIED]
    with connect(database_url) as connection:
        query = "SELECT count(*) FROM receipts WHERE domain = 'adopted'"
        assert connection.execute(query).fetchone() == (7,)


def test_damage_and_living_owners_are_said(call: Call, var: Path, database_url: str) -> None:
    folder = var / "spool"
    path = spooled(folder, 2)
    path.write_bytes(path.read_bytes()[:-1])
    living = make_spool(folder)
    living.put(make_facts(1))

    done = call("spool", "drain", DATABASE_URL=database_url, **KEYS)

    assert done.returncode == 1
    assert "a running process has it" in done.stderr
    assert "damaged, so kept: 1 segments" in done.stderr
    assert (folder / (path.name + DAMAGED)).exists()
    living.close()


def test_a_bad_key_file_is_one_line(call: Call, var: Path, database_url: str) -> None:
    (var / "bad.key").write_text("nonsense\n")

    done = call(
        "spool",
        "drain",
        str(var),
        "--key-file",
        str(var / "bad.key"),
        DATABASE_URL=database_url,
    )

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nonsense" not in done.stderr
