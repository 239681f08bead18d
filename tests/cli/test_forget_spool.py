"""`receiver forget` and what waits in a spool: it is erased there, and what comes later, too."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from receiver.domain.facts import Fact, Kind, Notice, Quarantined
from receiver.inbox.spool.segments import State, list_
from receiver.sealing import Sealer
from receiver.store.database import connect
from tests.cli.forgetting import (
    KEYS,
    OTHER,
    WHO,
    World,
    everything,
    ledger,
    refolded,
    traces,
    world,
)
from tests.inbox.spool.spools import KEY, make_spool
from tests.making import make_fact, make_receipt, make_send
from tests.web.service import make_caller, make_transid

__all__ = ["world"]  # a fixture


def make_notice(sender: str, **more: Any) -> Notice:
    return Notice(kind=Kind.MESSAGE, tid=make_transid(), channel="sms", sender=sender, **more)


def fact(body: Any, *, raw: bytes = b"", **ago_: float) -> Fact:
    """A fact as a host took it a while ago; it names the person in its raw body."""
    at = datetime.now(UTC) - timedelta(**(ago_ or {"minutes": 2}))
    raw = raw or f"{body} {WHO}".encode()
    return replace(make_fact(body, raw=raw, at=at), id=uuid4())


def spooled() -> Sequence[Fact]:
    return [
        fact(make_receipt("t-1", "Delivered")),
        fact(make_receipt("t-1", "Submitted", OTHER, callback_data=f"of {WHO}")),
        fact(make_send("t-1", f"+{WHO}", text="Dear Jane")),
        fact(make_notice(WHO, text="I am Jane")),
        fact(make_notice(OTHER, text="Ask 0044 7700 900123")),
        fact(Quarantined(reason="not_json"), raw=b"from=%2B44%207700%20900123"),
    ]


def test_what_waits_in_the_spool_is_erased_there(world: World) -> None:
    world.spool(*spooled())
    kept = make_receipt("t-2", "Delivered", OTHER)
    world.spool(replace(fact(kept), raw=b"{}"))

    counted = world.forget("--dry-run")
    assert traces(world.service.url, world.folder)
    done = world.erase()

    assert "6 in the spool" in counted.stdout
    assert "6 in the spool" in done.stdout
    assert traces(world.service.url, world.folder) == []
    world.drain()
    assert traces(world.service.url, world.folder) == []
    keys = {key[1:] for key in ledger(world.service.url) if key[0] == "delivery"}
    assert {key for key in keys if "erased" not in key[1]} == {("t-1", OTHER), ("t-2", OTHER)}
    assert len(keys) == 3


def test_what_is_applied_later_comes_out_erased(world: World) -> None:
    facts = [*spooled(), fact(make_receipt("t-3", "Delivered")), fact(make_receipt("t-1", "Read"))]
    world.erase()

    world.spool(*facts)  # as on a disk that is found a year later
    world.drain()

    with connect(world.service.url) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM receipts").fetchone() or (None,)
    assert rows == 4
    for file in list_(world.folder, *State):
        file.path.unlink()
    assert traces(world.service.url, world.folder) == []
    assert "Jane" not in str(everything(world.service.url))
    assert refolded(world.service.url) == ledger(world.service.url)


def test_applied_before_or_after_the_erasure_is_the_same(world: World) -> None:
    facts = [*spooled(), fact(make_receipt("t-1", "Read")), fact(make_receipt("t-9", "Read", WHO))]
    late = [fact(make_receipt("t-1", "Clicked"), seconds=-60)]
    url = world.service.url
    ledgers = []
    for split in range(0, len(facts) + 1, 2):
        with connect(url) as connection:
            for table in ("deliveries", "sends", "receipts", "recordings", "messages"):
                connection.execute(f"DELETE FROM {table}".encode())
        world.spool(*facts[:split]) if split else None
        world.drain() if split else None
        world.erase()
        world.spool(*facts[split:], *late)
        world.drain()
        ledgers.append(ledger(url))

    assert all(each == ledgers[0] for each in ledgers)
    assert WHO not in repr(ledgers[0])


def test_a_host_without_the_key_lets_nothing_through(world: World) -> None:
    world.erase()
    world.spool(*spooled())

    strange = {"RECEIVER_SECRET_KEYS": base64.b64encode(b"x" * 32).decode()}
    key_file = world.folder.parent / "their.key"
    key_file.write_text(KEYS[0])
    more = {"DATABASE_URL": world.service.url, **strange}
    refused = world.call("spool", "drain", str(world.folder), "--key-file", str(key_file), **more)
    rotated = {**more, "RECEIVER_SECRET_KEYS": f"{strange['RECEIVER_SECRET_KEYS']},{KEYS[0]}"}
    done = world.call("spool", "drain", str(world.folder), **rotated)

    assert refused.returncode == 1
    assert "RECEIVER_SECRET_KEYS" in refused.stderr
    assert done.returncode == 0, done.stderr
    world.erase(**rotated)
    sealer = Sealer([b"x" * 32, KEY])
    assert traces(world.service.url, world.folder, sealer) == []


def test_what_is_left_is_said(world: World) -> None:
    world.spool(*spooled())
    (file,) = list_(world.folder, State.WAITING)
    file.path.rename(file.path.with_name(f"{file.path.name}.damaged"))
    damaged = next(world.folder.iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1])
    living = make_spool(world.folder)
    living.put(spooled())

    done = world.forget("--yes", "--wait", "0")
    living.close()
    damaged.unlink()
    again = world.erase()

    assert done.returncode == 1
    assert "do it again" in done.stderr
    assert damaged.name in done.stderr
    assert "a running process has it" in done.stderr
    assert "6 in the spool" in again.stdout
    lines = make_caller(world.service).get("/audit").json["items"]
    assert [line["after"]["complete"] for line in lines] == [True, False]
    assert traces(world.service.url, world.folder) == []
