"""Gateway and sandbox together: all that messages can meet for a while, and the seeds' examples."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from receiver.client import Receiver
from tests.cli.processes import eventually
from tests.examples import EXAMPLES, repaired
from tests.sandbox.playing import EVENTS, MESSAGING, PROFILES
from tests.soak.accounts import book_of, ledger_of
from tests.soak.disturbances import DISTURBANCES
from tests.soak.form import FORM
from tests.soak.scene import Scene, opened
from tests.soak.senders import Application

#: The slowest fate, and three more attempts.
SETTLED_SECONDS = 60.0
PATHS = {"messaging": MESSAGING, "events": EVENTS, "profiles": f"{PROFILES}/77"}
QUEUED = {"messaging": "1001", "events": "1002", "profiles": "1001"}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with opened() as scene:
        yield scene


@pytest.mark.timeout(FORM.timeout_seconds)
def test_the_book_equals_the_ledger(scene: Scene) -> None:
    application = Application(scene, per_second=FORM.per_second)
    until = time.monotonic() + FORM.seconds
    with application.sending():
        for disturb in itertools.cycle(DISTURBANCES):
            time.sleep(FORM.pause_seconds)
            if time.monotonic() > until:
                break
            disturb(scene)
    eventually(lambda: waiting(scene) == 0, SETTLED_SECONDS)
    eventually(lambda: scene.service.spooled() == 0, SETTLED_SECONDS)

    book, ledger = book_of(scene.sandbox), ledger_of(scene.postgres.url)

    assert application.accepted
    assert application.accepted <= ledger.sends
    assert book.sends == ledger.sends
    assert book.receipts == ledger.receipts
    assert book.messages == ledger.messages
    assert book.ranks == ledger.ranks


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_seeds_goes_there_and_back(name: str, scene: Scene) -> None:
    api = name.partition("-")[0]
    url, key = scene.entrance.base_url + PATHS[api], scene.entrance.api_key

    def answers(body: str) -> list[Any]:
        with requests.post(url, data=body, headers={"key": key}, timeout=10) as answer:
            response = answer.json()["response"]
        return response if isinstance(response, list) else [response]

    if api != "events":
        (broken,) = answers(EXAMPLES[name])
        assert broken["code"] == "7000"
        assert "column" in broken["description"]
    queued = answers(repaired(name))

    assert {each["code"] for each in queued} == {QUEUED[api]}
    assert len(queued) == (len(json.loads(repaired(name))) if "batch" in name else len(queued))
    if api == "messaging":
        receiver = Receiver(scene.entrance.base_url, key)
        for each in queued:
            assert receiver.sends.one(each["transid"], wait=10).summary.success == 1


def waiting(scene: Scene) -> int:
    counts = scene.sandbox.get("/sandbox/book", limit=1)["counts"]
    return sum(each.get("waiting", 0) for each in counts.values())
