"""Replaying beside other processes: nothing is taken twice, nothing is lost, nobody comes back."""

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from receiver.domain.facts import Quarantined, Source, new_id, stamp
from receiver.store import points
from receiver.store.apply import apply
from receiver.store.database import connect, make_engine
from receiver.store.points import Point
from receiver.store.refold import refold
from receiver.store.retention.run import remove
from tests.cli.forgetting import KEYS, WHO, Call, traces
from tests.cli.processes import ROOT, environment, eventually
from tests.conftest import MakeDatabase
from tests.store.ledgers import stored
from tests.web.service import make_transid, message, receipt

#: Replays each id of its arguments once somebody says go, and tells what came of it.
REPLAYS: Final = """
import json, sys
from functools import partial
from receiver.cli.replaying import replayer_of
from receiver.domain.errors import NotFoundError
from receiver.settings import Settings
from receiver.store import audit
from receiver.store.database import make_engine
from receiver.store.fitness import connect_for_facts
from receiver.store.reading import reading
from receiver.web.quarantine_acts import Actor, Site, get, replay

settings = Settings.from_environ()
engine = make_engine(settings.database_url)
site = Site(engine, replayer_of(settings), partial(connect_for_facts, settings.database_url))
actor = Actor(who=audit.by_shell(), domain="default")
print("ready", flush=True)
input()
for id_ in sys.argv[1:]:
    try:
        with reading(engine) as session:
            row = get(session, id_, actor)
        said = replay(site, row, actor, trust=False)
    except NotFoundError:
        said = {"id": id_, "state": "gone", "results": []}
    print(json.dumps(said, default=str), flush=True)
"""


class Quarantine:
    """A database of its own with a point, and processes that replay what lies there."""

    def __init__(self, url: str, var: Path) -> None:
        self.url = url
        self.own = {
            "DATABASE_URL": url,
            "RECEIVER_SECRET_KEYS": KEYS[0],
            "RECEIVER_REGION": "GB",
        }
        self._environment = environment(var, **self.own)
        engine = make_engine(url)
        with Session(engine) as session, session.begin():
            self._point: Point = points.add(session, domain="default", code="otp")
        engine.dispose()

    def keep(self, body: Any, *, seconds_ago: float = 1) -> str:
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        fact = stamp(
            Quarantined(reason="disabled"),
            domain="default",
            point_id=self._point.id,
            source=Source.HOOK,
            raw=json.dumps(body).encode(),
            accepted_at=at,
        )
        id_ = UUID(int=int(at.timestamp() * 1000) << 80 | new_id().int & (1 << 80) - 1)
        with connect(self.url) as connection:
            [taken] = apply(connection, [replace(fact, id=id_)])
        return str(taken.id)

    @contextmanager
    def replaying(self, *orders: Sequence[str]) -> Iterator[Callable[[], Sequence[Any]]]:
        """Let processes replay, one for each order of ids; give what awaits their answers."""
        processes = [self._process(ids) for ids in orders]
        try:
            for process in processes:
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()
            yield lambda: [said for process in processes for said in _answers(process)]
        finally:
            for process in processes:
                process.kill()
                process.communicate()

    def _process(self, ids: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", REPLAYS, *ids],
            env=self._environment,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def count(self, table: str) -> int:
        [(number,)] = self.rows(f"SELECT count(*) FROM {table}")
        return int(number)

    def await_receipts(self, number: int) -> None:
        eventually(lambda: self.count("receipts") >= number)

    def is_as_folded_anew(self) -> bool:
        with connect(self.url) as connection:
            before = stored(connection, "default")
            refold(connection, {("default", str(base)) for (base,) in self.rows(_BASES)})
            return stored(connection, "default") == before


_BASES: Final = "SELECT DISTINCT base FROM sends"


def _answers(process: subprocess.Popen[str]) -> Sequence[Any]:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def quarantine(make_database: MakeDatabase, var: Path) -> Quarantine:
    return Quarantine(make_database(), var)


def results(answers: Sequence[Any]) -> Mapping[str, int]:
    return Counter(each["result"] for answer in answers for each in answer["results"])


def test_what_several_replay_at_once_is_taken_once(quarantine: Quarantine) -> None:
    held = []
    for _ in range(12):
        transid = make_transid()
        body = [receipt(transid, "Submitted"), receipt(transid, "Delivered")]
        held.append(quarantine.keep([*body, message(tid=transid), {"odd": transid}]))

    with quarantine.replaying(held, held, held[::-1]) as answers:
        said = answers()

    assert results(said) == {"accepted": 12 * 3, "duplicate": 12 * 3 * 2, "quarantined": 12 * 3}
    tables = ("receipts", "messages", "deliveries", "quarantine")
    assert [quarantine.count(table) for table in tables] == [24, 12, 12, 24]
    tried = quarantine.rows("SELECT state, jsonb_array_length(replays) FROM quarantine_states")
    assert tried == [("replayed", 3)] * 12
    assert quarantine.count("audit_log WHERE verb = 'quarantine.replay'") == 36
    assert quarantine.is_as_folded_anew()


def test_who_is_erased_beside_a_replay_does_not_come_back(
    quarantine: Quarantine, call: Call, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [quarantine.keep(receipt(make_transid(), "Delivered")) for _ in range(60)]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"+{WHO}\n"))

    with quarantine.replaying(held[::2], held[1::2]) as answers:
        quarantine.await_receipts(5)
        done = call("forget", "--yes", **quarantine.own)
        said = answers()

    assert done.returncode == 0, done.stderr
    assert traces(quarantine.url, var / "spool") == []
    states = Counter(each["state"] for each in said)
    assert states["replayed"] == quarantine.count("receipts") == quarantine.count("deliveries")
    assert states.total() == quarantine.count("quarantine WHERE raw = ''") == 60
    assert quarantine.count("deliveries WHERE destination_key NOT LIKE 'erased:%'") == 0
    assert quarantine.is_as_folded_anew()


def test_what_goes_beside_a_replay_is_taken_or_gone(quarantine: Quarantine) -> None:
    transids = {}
    for number in range(60):
        transid = make_transid()
        body, age = receipt(transid, "Delivered"), timedelta(days=100, seconds=number)
        transids[quarantine.keep(body, seconds_ago=age.total_seconds())] = transid

    with quarantine.replaying([*transids]) as answers, connect(quarantine.url) as connection:
        quarantine.await_receipts(10)
        retain(connection)
        said = answers()
        while retain(connection)["postponed"]:
            pass

    states = {each["id"]: each["state"] for each in said}
    assert set(states.values()) <= {"replayed", "gone"}
    taken = {transids[id_] for id_, state in states.items() if state == "replayed"}
    assert {transid for (transid,) in quarantine.rows("SELECT transid FROM receipts")} == taken
    assert [quarantine.count(table) for table in ("quarantine", "quarantine_states")] == [0, 0]
    assert quarantine.is_as_folded_anew()


def retain(connection: psycopg.Connection[Any]) -> Counter[str]:
    keep, gone = {"quarantine": timedelta(days=90)}, Counter[str]()
    for what, number in remove(connection, keep, datetime.now(UTC).date()):
        gone[what] += number
    return gone
