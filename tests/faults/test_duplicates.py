"""The same receipts four times in four orders, some in flight at once: each counts once."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import pytest

from tests.cli.processes import eventually
from tests.faults import outages, stages
from tests.faults.form import FORM
from tests.faults.ledger import account_of
from tests.faults.report import Row, row_of
from tests.faults.senders import SENDERS, Platform
from tests.faults.stages import Scene, Stage

TIMES: Final = 4
LONGEST_SECONDS: Final = 9.0


@contextmanager
def undisturbed(_: Scene) -> Iterator[None]:
    yield


@pytest.mark.timeout(FORM.timeout_seconds)
@pytest.mark.parametrize(
    ("act", "title"),
    [
        pytest.param(undisturbed, "every receipt comes four times", id="undisturbed"),
        pytest.param(
            outages.stopped, "every receipt comes four times, Postgres is stopped", id="stopped"
        ),
    ],
)
def test_repeated_receipts_count_once(
    act: Callable[[Scene], AbstractContextManager[None]],
    title: str,
    open_stage: Callable[[Stage], Scene],
    keep_row: Callable[[Row], None],
) -> None:
    if act is undisturbed and not FORM.long:
        pytest.skip("the short form has the harder case alone")
    scene = open_stage(stages.plain)
    platform = Platform(scene.hook_url, name=f"again-{time.time_ns()}")
    ids = [f"{platform.name}-{number}" for number in range(FORM.repeated_receipts)]

    started_at = time.monotonic()
    with act(scene):
        platform.deliver(_shares(ids[::2]))
    platform.deliver(_shares(ids[1::2]))
    lasted_seconds = time.monotonic() - started_at
    eventually(lambda: scene.service.spooled() == 0, 60)

    account = account_of(scene.postgres.url, ids)
    row = row_of(title, lasted_seconds, platform, account)
    keep_row(row)
    assert set(platform.statuses()) == {200}
    assert sum(platform.statuses().values()) == TIMES * len(ids)
    assert row.lost == 0
    assert account.stored == set(ids)
    assert account.wrong == frozenset()
    assert row.longest_seconds < LONGEST_SECONDS


def _shares(ids: Sequence[str]) -> Sequence[Sequence[str]]:
    """Return what each sender sends: each order is split, and all of them run at once."""
    shares = []
    for seed in range(TIMES):
        order = list(ids)
        random.Random(seed).shuffle(order)
        shares += [order[sender :: SENDERS // TIMES] for sender in range(SENDERS // TIMES)]
    return shares
