"""Several processes on one spool: each segment has one owner, and none outlives its process."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import IO

from receiver.inbox.spool.segments import claim
from receiver.store.database import connect
from tests.cli.processes import ROOT
from tests.inbox.spool.spools import make_facts, make_spool, waiting

RACER = """
import sys
from functools import partial
from pathlib import Path
from receiver.inbox.spool import Drainer
from receiver.store.database import connect
from tests.inbox.spool.spools import SEALER
applied = []
class Counting(Drainer):
    def _apply_once(self, facts):
        super()._apply_once(facts)
        applied.append(len(facts))
drainer = Counting(Path(sys.argv[1]), SEALER, connect=partial(connect, sys.argv[2]),
                   is_open=lambda: True, busy=lambda: False, kept_seconds=60, batch_facts=10)
print("ready", flush=True)
sys.stdin.readline()
while drainer.drain():
    pass
print("applied", sum(applied), flush=True)
"""

OWNER = """
import sys
from pathlib import Path
from receiver.inbox.spool.segments import claim
assert claim(Path(sys.argv[1])) is not None
print("ready", flush=True)
sys.stdin.readline()
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert _output(process).readline() == "ready\n"
    return process


def _output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def test_of_racing_processes_one_applies_each_segment(database_url: str, tmp_path: Path) -> None:
    domain = uuid.uuid4().hex
    facts = make_facts(120, domain=domain)
    for at in range(0, 120, 20):
        spool = make_spool(tmp_path)
        spool.put(facts[at : at + 20])
        spool.close()
    racers = [started(RACER, str(tmp_path), database_url) for _ in range(3)]

    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=30)[0] for racer in racers]

    counted = [
        int(line.split()[1])
        for output in outputs
        for line in output.splitlines()
        if line.startswith("applied")
    ]
    assert sum(counted) == 120
    assert waiting(tmp_path) == []
    with connect(database_url) as connection:
        query = "SELECT count(*) FROM receipts WHERE domain = %s"
        assert connection.execute(query, [domain]).fetchone() == (120,)


def test_a_killed_owner_leaves_its_segment_free(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    spool.put(make_facts(1))
    spool.close()
    (path,) = waiting(tmp_path)
    owner = started(OWNER, str(path))
    assert claim(path) is None

    owner.send_signal(signal.SIGKILL)
    owner.communicate()

    file = claim(path)
    assert file is not None
    os.close(file)
