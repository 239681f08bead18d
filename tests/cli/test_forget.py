"""`receiver forget`: after it nothing of the person is left, and everything else is as it was."""

import base64
import gzip
import hashlib
import io
import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row

from receiver.domain.facts import Fact, Kind, Notice, Quarantined
from receiver.inbox.spool import Drainer, encode
from receiver.inbox.spool.segments import State, list_
from receiver.sealing import Sealer
from receiver.store import stats
from receiver.store.database import connect
from receiver.store.erasures import Erasures
from receiver.store.refold import refold
from tests.inbox.spool.spools import KEY, SEALER, make_spool, read
from tests.making import make_fact, make_receipt, make_send
from tests.store.ledgers import stored
from tests.web.service import (
    Service,
    ago,
    make_caller,
    make_point,
    make_transid,
    message,
    receipt,
    running,
)

Call = Callable[..., CompletedProcess[str]]
KEYS = (base64.b64encode(KEY).decode(),)
WHO, OTHER = "447700900123", "447700900999"
#: What nobody may find any more, in any case and without what stands between digits.
TRACES = (WHO, "07700900123", "7700900123")


@dataclass
class World:
    """A service with its database and spool, and the command on both."""

    call: Call
    monkeypatch: pytest.MonkeyPatch
    service: Service
    folder: Path

    def forget(self, *options: str, who: str = "+44 7700 900123", **more: str) -> Any:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(f"{who}\n{more.pop('answer', '')}"))
        own = {
            "DATABASE_URL": self.service.url,
            "RECEIVER_SECRET_KEYS": KEYS[0],
            "RECEIVER_SPOOL": str(self.folder),
            "RECEIVER_REGION": "GB",
        }
        done = self.call("forget", *options, **{**own, **more})
        assert WHO not in (done.stdout + done.stderr).replace(" ", "")
        return done

    def erase(self, *options: str, **more: str) -> Any:
        done = self.forget("--yes", *options, **more)
        assert done.returncode == 0, done.stderr
        return done

    def spool(self, *facts: Fact) -> None:
        spool = make_spool(self.folder)
        spool.put(facts)
        spool.close()

    def drain(self) -> None:
        drainer = Drainer(
            self.folder,
            SEALER,
            connect=lambda: connect(self.service.url),
            is_open=lambda: True,
            busy=lambda: False,
            kept_seconds=3600,
            erasures=Erasures(lambda: SEALER),
        )
        assert drainer.drain()
        drainer._disconnect()


@pytest.fixture
def world(
    call: Call,
    make_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[World]:
    with running(make_database(), secret_keys=KEYS, region="GB") as service:
        yield World(call, monkeypatch, service, tmp_path / "spool")


def traces(url: str, folder: Path, sealer: Sealer = SEALER) -> list[str]:
    """Where anything of the person is: in any column of any table, and in any segment."""
    found = []
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for each in connection.execute(  # partitioned tables, and each of their days
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        ).fetchall():
            rows = connection.execute(f'SELECT * FROM "{each["name"]}"'.encode()).fetchall()
            found += [
                f"{each['name']}.{column}: {value!r}"[:300]
                for row in rows
                for column, value in row.items()
                if tells(value)
            ]
    for file in list_(folder, *State):
        facts, damaged = read(file.path, sealer)
        assert not damaged
        found += [f"{file.path.name}: {fact}"[:300] for fact in facts if tells(encode([fact]))]
    return found


def tells(value: Any) -> bool:
    if isinstance(value, bytes):
        return any(map(tells, texts(value)))
    said = json.dumps(value, default=str, ensure_ascii=False)
    for blank in (" ", "-", "(0)", "%20", "\\u0020", "\\"):
        said = said.replace(blank, "")
    return any(trace in said for trace in TRACES)


def texts(raw: bytes) -> Iterator[str]:
    yield raw.replace(b"\0", b"").decode("latin-1")
    for window in (31, -15):
        try:
            yield zlib.decompressobj(window).decompress(raw).decode("latin-1")
        except zlib.error:
            continue


def ledger(url: str, domain: str = "default") -> Mapping[Any, Any]:
    with connect(url) as connection:
        return stored(connection, domain)


def refolded(url: str) -> Mapping[Any, Any]:
    with connect(url) as connection:
        families = connection.execute("SELECT DISTINCT domain, base FROM sends").fetchall()
        refold(connection, families)
        return stored(connection, "default")


def counted(world: World) -> Any:
    caller = make_caller(world.service)
    by = "&".join(f"by={name}" for name in ("status", "code", "carrier", "channel", "point"))
    return [
        caller.get(f"/stats?since={ago(days=2)}&until={ago(days=-1)}{more}").json["items"]
        for more in ("", f"&{by}", "&by=channel")
    ]


def fill(service: Service) -> None:
    """All kinds of things that the person is in, beside others that they aren't."""
    point, caller = make_point(service), make_caller(service)
    mine, shared, orphan = (make_transid() for _ in range(3))
    caller.record(destinations=[OTHER], text="call 0044 7700 900123", sender=WHO, tag=f"of {WHO}")
    caller.record(destinations=[OTHER], sender=WHO, tag=f"of {WHO}")
    caller.record(
        transid=mine,
        destinations=["+44 7700 900123"],
        channel="sms",
        text="Dear Jane",
        metadata={"name": "Jane"},
        callback_data="jane",
        requested_at=ago(minutes=3),
    )
    caller.record(
        transid=shared,
        destinations=["07700 900123", {"value": OTHER, "correlationid": f"c-{WHO}"}],
        channel="sms",
        text="To all, or call 07700-900123",
        tag="all",
        requested_at=ago(minutes=2),
    )
    for transid, status, more in (
        (mine, "Submitted", {}),
        (mine, "Delivered", {"destination": "+44 7700 900123", "additionalInfo": "IP|10.0.0.1"}),
        (f"{mine}_1", "Failed", {}),
        (shared, "Delivered", {}),
        (shared, "Wobbled", {"destination": OTHER, "Description": f"not {WHO}"}),
        (orphan, "Read", {}),
    ):
        assert service.hook(point, receipt(transid, status, **more)).status_code == 200
    zipped = gzip.compress(json.dumps(receipt(orphan, "Clicked")).encode())
    assert service.hook(point, zipped, headers={"Content-Encoding": "gzip"}).status_code == 200
    for said in (
        message(text="I am Jane", quoted=mine),
        message(oa=OTHER, text="Ask +44 (0)7700 900123 or 0044-7700-900123", correlationid="x"),
        message(oa=OTHER, text="see https://x.example/?n=%2B44%207700%20900123"),
        message(oa=OTHER, da="07700 900123"),
        message(oa=OTHER, correlationid=f"c-{WHO}"),
        message(oa=OTHER, attachments=[{"url": "u", "of": int(WHO)}], extra={WHO: "Jane"}),
        {"channel": "whatsapp", "event": "postback", "waid": f"+{WHO}", "correlationid": "c-1"},
        {"sessionid": make_transid(), "event": "ANSWERED", "callerid": WHO, "dialednumber": "1"},
    ):
        assert service.hook(point, said).status_code == 200, said
    utf16 = json.dumps(message(oa=OTHER, text="x", extra=[f"+{WHO}"])).encode("utf-16")
    escaped = json.dumps(message(oa=OTHER, other=WHO)).replace(WHO, f"\\u0034{WHO[1:]}").encode()
    for raw in (utf16, escaped):
        assert service.hook(point, raw).status_code == 200
    for raw in (
        b"from=%2B44%207700%20900123&text=hi",
        f'{{"deliveryInfoNotification": {{"deliveryInfo": {{"destination": "{WHO}"}}'.encode(),
        gzip.compress(f"no JSON of {WHO}".encode()),
        zlib.compress(f"no JSON of {WHO}".encode() * 9),
    ):
        assert service.hook(point, raw, path=f"/dr/{WHO}").status_code == 400
    limited = make_point(service, allow_ips=["192.0.2.1"])
    unknown = {f"+44 {WHO[2:]}": WHO}
    for refused in (unknown, receipt(orphan, "Read"), [receipt(shared, "Read")]):
        held = service.hook(limited, refused)
        assert held.status_code == 403
        again = caller.post(f"/quarantine/{held.json['id']}/replay", json={"trust": True})
        assert again.status_code == 200


def test_nothing_of_the_person_is_left_and_all_counts_stay(world: World) -> None:
    fill(world.service)
    url = world.service.url
    with connect(url) as connection:  # some of it is rolled up already
        stats.fold(connection, most=1)
    before, counts = ledger(url), counted(world)
    tables = {trace.partition(".")[0] for trace in traces(url, world.folder)}
    assert tables >= {"sends", "receipts", "messages", "platform_events", "quarantine"}
    assert tables >= {"deliveries", "recordings", "mentions", "deltas", "rollups"}

    done = world.erase()

    assert traces(url, world.folder) == []
    assert built(url) == {("", hashlib.sha256().digest())}
    assert "10.0.0.1" not in repr(ledger(url))
    assert "Jane" not in repr(ledger(url))
    assert counted(world) == counts
    after = ledger(url)
    assert len(after) == len(before)
    assert refolded(url) == after
    (line,) = make_caller(world.service).get("/audit?what=person.forget").json["items"]
    assert line["ids"][0] in done.stdout
    assert line["after"]["complete"] is True
    assert line["after"]["counts"]["deliveries"] == 4
    again = world.erase()
    assert "erased: nothing" in again.stdout
    assert ledger(url) == after


def built(url: str) -> set[tuple[str, bytes]]:
    """How bodies in quarantine are built, and by what they can be looked up."""
    with psycopg.connect(url) as connection:
        return set(connection.execute("SELECT DISTINCT shape, sha256 FROM quarantine").fetchall())


def test_others_and_other_domains_are_as_they_were(world: World) -> None:
    service = world.service
    for domain in ("default", "elsewhere"):
        point, caller = make_point(service, domain=domain), make_caller(service, domain=domain)
        caller.record(transid=f"of-{OTHER}", destinations=[OTHER], text="hello")
        service.hook(point, receipt(f"of-{OTHER}", "Delivered", destination=OTHER))
        service.hook(
            point, message(oa=OTHER, text=f"1{WHO} and {WHO}4 are others, so is {WHO[:-1]}")
        )
        service.hook(point, receipt("theirs", "Delivered"))
    before = everything(service.url)

    world.erase()

    changed = {table for table, rows in everything(service.url).items() if rows != before[table]}
    assert changed == {"receipts", "deliveries"}
    for table in changed:
        kept = [row for row in before[table] if "default" not in row or WHO not in row]
        assert set(kept) <= set(everything(service.url)[table])


def everything(url: str) -> Mapping[str, Sequence[str]]:
    tables = ("sends", "recordings", "deliveries", "receipts", "messages", "quarantine")
    with psycopg.connect(url) as connection:
        return {
            table: [
                str(row)
                for row in connection.execute(f"SELECT t FROM {table} t ORDER BY 1".encode())
            ]
            for table in tables
        }


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


def test_what_comes_later_is_new_unless_it_belongs_to_what_is_erased(world: World) -> None:
    service = world.service
    point, caller = make_point(service), make_caller(service)
    old, new = make_transid(), make_transid()
    caller.record(transid=old, destinations=[WHO])
    service.hook(point, receipt(old, "Submitted"))
    said = message()
    service.hook(point, said)
    world.erase()

    service.hook(point, receipt(old, "Delivered"))
    service.hook(point, said)
    service.hook(point, receipt(old, "Submitted"))
    caller.record(transid=new, destinations=[WHO], text="Welcome back")
    service.hook(point, receipt(new, "Delivered"))

    found = {key[1:]: row for key, row in ledger(service.url).items() if key[0] == "delivery"}
    (theirs,) = (row for (transid, _), row in found.items() if transid == old)
    assert theirs["destination_key"].startswith("erased:")
    assert theirs["raw_status"] == "Delivered"
    assert (new, WHO) in found
    assert len(found) == 2
    assert caller.send(new)["text"] == "Welcome back"
    (kept,) = caller.get("/messages").json["items"]
    assert kept["from"] == theirs["destination_key"]
    world.erase()
    assert traces(service.url, world.folder) == []
    assert len(ledger(service.url)) == 4


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


def test_it_counts_and_asks_first(world: World) -> None:
    service = world.service
    service.hook(make_point(service), receipt("t-1", "Delivered"))
    before = everything(service.url)

    unasked = world.forget()
    refused = world.forget(answer="n\n")
    dry = world.forget("--dry-run")
    assert everything(service.url) == before
    done = world.forget(answer="y\n")

    assert "found: 1 deliveries, 1 receipts" in unasked.stdout
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    assert (refused.returncode, dry.returncode, done.returncode) == (0, 0, 0)
    assert "erased: 1 deliveries, 1 receipts" in done.stdout
    assert traces(service.url, world.folder) == []


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


@pytest.mark.parametrize("who", ["", "   "])
def test_nobody_is_an_error(world: World, who: str) -> None:
    done = world.forget("--yes", who=who)

    assert (done.returncode, "stdin" in done.stderr) == (2, True)


def test_without_a_key_nothing_is_erased(world: World) -> None:
    done = world.forget("--yes", RECEIVER_SECRET_KEYS="")

    assert (done.returncode, "RECEIVER_SECRET_KEYS" in done.stderr) == (1, True)


def test_names_that_are_no_numbers_are_found_where_they_mean_somebody(world: World) -> None:
    service = world.service
    point = make_point(service)
    service.hook(point, receipt("t-1", "Delivered", destination="Jane@Example.org"))
    service.hook(point, receipt("t-1", "Delivered", destination="jane@example.org"))
    service.hook(point, message(oa=OTHER, text="ask <JANE@example.org>, not mary-jane@example.org"))
    service.hook(point, receipt("t-2", "Delivered", destination="j7"))
    service.hook(point, message(oa=OTHER, text="j7 means nothing"))

    world.erase(who="jane@example.org")
    world.erase(who="j7")

    found = ledger(service.url)
    assert len(found) == 5
    assert "jane" not in repr(found).lower()
    (one, other) = service.rows("SELECT text, raw FROM messages ORDER BY accepted_at")
    assert "mary-jane@example.org" in one["text"]
    assert "<JANE" not in one["text"]
    assert (one["raw"], other["text"]) == (b"", "j7 means nothing")
    assert b"j7" in other["raw"]


def test_a_writer_under_way_is_waited_for(world: World) -> None:
    """What a transaction holds that began before is found, since nothing is read before it ends."""
    url = world.service.url
    with connect(url) as connection:
        connection.execute("BEGIN")
        connection.execute(
            "INSERT INTO quarantine (digest, reason, message, errors, path, headers, answered,"
            " truncated, day, accepted_at, id, domain, source, raw) VALUES ('x', 'not_json', '',"
            " '{}', '', '{}', 400, false, current_date, now(), gen_random_uuid(), 'default',"
            " 'hook', %s)",
            [WHO.encode()],
        )
        commit = threading.Timer(0.3, connection.execute, ["COMMIT"])
        commit.start()

        done = world.erase()
        commit.join()

    assert "1 in quarantine" in done.stdout
    assert traces(url, world.folder) == []
