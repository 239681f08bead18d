"""Under whatever fault: what was answered 200 is in the ledger, once, and soon all is as before."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import pytest

from tests.cli.processes import eventually
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault
from tests.faults.form import FORM
from tests.faults.ledger import account_of
from tests.faults.receipts import DESTINATION
from tests.faults.report import Row, row_of
from tests.faults.senders import Platform
from tests.faults.service import Holdings, Service
from tests.faults.stages import Scene, Stage

BEFORE_SECONDS: Final = 0.3
AFTER_SECONDS: Final = 0.5
DRAINED_SECONDS: Final = 60.0
#: The platform waits for ten.
LONGEST_SECONDS: Final = 9.0
#: What a worker may hold on to after a storm: its allocator gives little back.
GROWTH_BYTES: Final = 48 * 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """What the service showed while the fault lasted."""

    ready: bool
    spooled: bool


@pytest.mark.timeout(FORM.timeout_seconds)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_answered_200_is_lost(
    fault: Fault, open_stage: Callable[[Stage], Scene], keep_row: Callable[[Row], None]
) -> None:
    if missing := fault.missing():
        pytest.skip(missing)
    scene = open_stage(fault.stage)
    before = scene.service.holdings()
    platform = Platform(
        scene.hook_url,
        name=f"{fault.name}-{time.time_ns()}",
        rate=fault.rate,
        retry_seconds=FORM.retry_seconds(fault),
        padding_bytes=fault.padding_bytes,
    )

    with platform.sending():
        time.sleep(BEFORE_SECONDS)
        started_at = time.monotonic()
        seen = _suffer(fault, scene)
        platform.calm()
        lasted_seconds = time.monotonic() - started_at
        time.sleep(AFTER_SECONDS)
    eventually(lambda: scene.service.spooled() == 0, DRAINED_SECONDS)

    account = account_of(scene.postgres.url, platform.answers)
    row = row_of(fault.title, lasted_seconds, platform, account)
    keep_row(row)
    assert row.lost == 0
    assert platform.answers.keys() == account.stored
    assert account.wrong == frozenset()
    assert row.longest_seconds < LONGEST_SECONDS
    assert set(platform.statuses()) <= _answers(fault)
    if fault.spools:
        assert seen.spooled, "the fault sent nothing to disk"
        assert seen.ready or fault.refuses
    assert_as_before(scene.service, before)
    assert_discreet(scene)


def _suffer(fault: Fault, scene: Scene) -> Seen:
    with fault.act(scene):
        time.sleep(FORM.seconds(fault))
        seen = Seen(ready=scene.service.is_ready(), spooled=scene.service.has_spooled())
    scene.service.await_ready()
    return seen


def _answers(fault: Fault) -> set[int]:
    known = {int(HTTPStatus.OK)}
    if fault.refuses:
        known.add(HTTPStatus.SERVICE_UNAVAILABLE)
    return known | {0} if fault.breaks_off else known


def assert_as_before(service: Service, before: Holdings) -> None:
    """Make sure that the service holds no more than it did."""
    eventually(lambda: service.holdings().spool_files <= before.spool_files, 20)
    now = service.holdings()
    assert service.damaged() == 0
    assert now.processes == before.processes
    assert now.unfinished_files == []
    assert now.memory_bytes < before.memory_bytes + GROWTH_BYTES * len(service.workers)


def assert_discreet(scene: Scene) -> None:
    """Make sure that no log line holds the hook's token or a number, whatever went wrong."""
    output = scene.service.output
    assert scene.hook_url.rpartition("/")[2] not in output
    assert DESTINATION not in output
    assert "Traceback" not in output
