"""Tried as somebody on call would: what goes wrong is named, and rings its bell.

All of it runs as processes, on a Postgres of its own, with the sandbox as the platform.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.exits import EXITS
from receiver.domain.blame import Blame
from tests.cli.calling import Call
from tests.cli.processes import eventually
from tests.cli.stack import SECRET, Branch, Stack, running_stack
from tests.faults.disks import missing_privilege
from tests.monitoring.promtool import MISSING, rings, rung

SECONDS = 30.0
NOBODY = "447700900123"


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """Something that goes wrong, and what is said of it."""

    fault: Callable[[Stack], AbstractContextManager[None]] = lambda _: nullcontext()
    destination: str = NOBODY
    number: int = 3
    """Of messages."""
    secret: str = SECRET
    """With which the point expects to be signed."""
    blame: Blame
    said: str
    """By `receiver status`, of the branch `name`."""
    verdict: tuple[str, Blame]
    """Of one of the messages, by `receiver why`."""
    alerts: Sequence[str]
    refused: Sequence[tuple[str, str]] = ()
    """What its hook answered, and why."""
    needs_disk: bool = False


SYMPTOMS = {
    "lost": Symptom(
        destination="447700900900",
        blame=Blame.PLATFORM,
        said="no receipt came to point {name} for a day, with 3 sends waiting",
        verdict=("silent", Blame.PLATFORM),
        alerts=["ReceiverSilence"],
    ),
    "unreachable": Symptom(
        destination="447700900207",
        number=25,
        blame=Blame.HANDSET,
        said="most with 7207 Out of coverage or not reachable (sms) at point {name}",
        verdict=("failed", Blame.HANDSET),
        alerts=["ReceiverFailures"],
    ),
    "failed": Symptom(
        destination="447700900202",
        number=25,
        blame=Blame.PLATFORM,
        said="most with 7202 Delivery failed at platform (sms) at point {name}",
        verdict=("failed", Blame.PLATFORM),
        alerts=["ReceiverFailures"],
    ),
    "signed": Symptom(
        secret="another secret",
        blame=Blame.US,
        said="notifications of point {name} went to quarantine (bad_signature): the hub secrets",
        verdict=("held", Blame.US),
        alerts=["ReceiverSignaturesFail"],
        refused=[("401", "bad_signature")],
    ),
    "stopped": Symptom(
        fault=Stack.without_postgres,
        blame=Blame.US,
        said="the database can't be used: the database can't be reached",
        verdict=("held", Blame.US),
        alerts=["ReceiverStoreAway"],
    ),
    "full": Symptom(
        fault=Stack.without_room,
        needs_disk=True,
        blame=Blame.US,
        said="the spool is full",
        verdict=("arrived", Blame.NONE),
        alerts=["ReceiverSpoolUnusable"],
    ),
    "database-full": Symptom(
        fault=Stack.with_full_database,
        needs_disk=True,
        number=100,
        blame=Blame.US,
        said="the database answers, and commits nothing (full): its disk is full",
        verdict=("held", Blame.US),
        alerts=["ReceiverStoreRefuses"],
    ),
    "stopped-and-full": Symptom(
        fault=Stack.without_either,
        needs_disk=True,
        blame=Blame.US,
        said="the service is not ready (503",
        verdict=("away", Blame.US),
        alerts=["ReceiverTakesNothing", "ReceiverRefuses"],
        refused=[("503", "spool")],
    ),
}


@dataclass
class Desk:
    """Somebody on call, at the machine where all of it runs."""

    stack: Stack
    call: Call

    def ask(self, *arguments: str) -> tuple[int, Any]:
        done = self.call(*arguments, "--json", **self.stack.environment)
        return done.returncode, json.loads(done.stdout)

    def findings(self) -> list[tuple[str, str]]:
        code, told = self.ask("status")
        assert code == EXITS[told["blame"]]
        return [(each["blame"], each["sentence"]) for each in told["findings"]]

    def refused(self, branch: Branch) -> list[tuple[str, str]]:
        """Return what the hook of a branch answered, and why."""
        _, told = self.ask("status")
        rows = [row for row in told["refused"] if branch.name in row["point"].split("/")]
        assert all(0 < row["refused"] <= row["of_calls"] for row in rows)
        return [(row["status"], row["reason"]) for row in rows]

    def verdict(self, branch: Branch, transid: str) -> tuple[str, str]:
        _, told = self.ask("why", transid, "--domain", branch.name)
        return told["verdict"]["name"], told["verdict"]["blame"]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture
def desk(stack: Stack, call: Call) -> Desk:
    return Desk(stack, call)


# It comes first, as most of what goes wrong is told for an hour.
def test_what_goes_well_is_nobody_s_trouble(desk: Desk, tmp_path: Path) -> None:
    branch = desk.stack.branch("well")
    transids = branch.send(NOBODY, number=3)
    eventually(lambda: {desk.verdict(branch, each)[0] for each in transids} == {"arrived"}, SECONDS)

    assert [blame for blame, _ in desk.findings()] == [Blame.NONE]
    if MISSING:
        pytest.skip(MISSING)
    assert rung(branch.scrape(), tmp_path) == ""


@pytest.mark.parametrize("name", SYMPTOMS)
def test_what_goes_wrong_is_named_and_rings(name: str, desk: Desk, tmp_path: Path) -> None:
    symptom = SYMPTOMS[name]
    if symptom.needs_disk and (missing := missing_privilege()):
        pytest.skip(missing)
    branch = desk.stack.branch(name, secret=symptom.secret)
    well = branch.scrape()

    def is_named() -> bool:
        said = symptom.said.format(name=name)
        return any(
            blame == symptom.blame and said in sentence for blame, sentence in desk.findings()
        )

    with symptom.fault(desk.stack):
        (transid, *_) = branch.send(symptom.destination, number=symptom.number)
        eventually(lambda: desk.verdict(branch, transid) == symptom.verdict, SECONDS)
        eventually(is_named, SECONDS)
        eventually(lambda: desk.refused(branch) == list(symptom.refused), SECONDS)
        if MISSING:
            pytest.skip(MISSING)
        for alert in symptom.alerts:
            eventually(lambda: rings(alert, well, branch.scrape(), tmp_path), SECONDS)  # noqa: B023
