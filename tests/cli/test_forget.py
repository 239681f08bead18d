"""`receiver forget`: after it nothing of the person is left, and everything else is as it was."""

import gzip
import hashlib
import json
import threading
import zlib
from typing import Any

import psycopg
import pytest

from receiver.store import stats
from receiver.store.database import connect
from tests.cli.forgetting import OTHER, WHO, World, everything, ledger, refolded, traces, world
from tests.web.service import Service, ago, make_caller, make_point, make_transid, message, receipt

__all__ = ["world"]  # a fixture


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
