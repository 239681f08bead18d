"""The examples of the platform's own pages, played by a plain HTTP client.

It is told another base URL and key, and nothing else changes but that all of it is in the ledger.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
import requests

from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY
from tests.cli.processes import eventually
from tests.examples import EXAMPLES, repaired
from tests.sandbox.playing import EVENTS, MESSAGING, PROFILES
from tests.soak.scene import Scene, opened

PATHS = {"messaging": MESSAGING, "event": EVENTS, "profile": f"{PROFILES}/77"}
Answers = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with opened() as scene:
        yield scene


def play(base_url: str, key: str, profile_key: str) -> tuple[Answers, Answers]:
    """Post every example as it stands, and repaired; return what is answered."""
    found: tuple[dict[str, list[dict[str, Any]]], ...] = ({}, {})
    for name, text in EXAMPLES.items():
        path = next(path for kind, path in PATHS.items() if name.startswith(kind))
        headers = {"key": profile_key if name.startswith("profile") else key}
        for sent, answers in zip((text, repaired(name)), found, strict=True):
            said = requests.post(base_url + path, data=sent, headers=headers, timeout=20)
            response = said.json()["response"]
            answers[name] = response if isinstance(response, list) else [response]
    return found[0], found[1]


def codes(answers: Answers) -> Mapping[str, list[str]]:
    return {name: [each["code"] for each in given] for name, given in answers.items()}


def test_through_the_gateway_they_are_answered_alike_and_end_in_the_ledger(scene: Scene) -> None:
    key = scene.entrance.api_key
    direct = play(scene.sandbox.url, SERVICE_KEY, PROFILE_KEY)
    through = play(scene.service.base_url, key, key)

    assert [codes(each) for each in through] == [codes(each) for each in direct]
    assert {code for given in codes(through[1]).values() for code in given} == {"1001", "1002"}
    for name, answers in through[1].items():
        for answer in answers:
            eventually(partial(_is_told, scene, name, answer["transid"]), 20)


def _is_told(scene: Scene, name: str, transid: str) -> bool:
    """Tell whether the ledger has what became of it."""
    headers = {"Authorization": f"Bearer {scene.entrance.api_key}"}
    url = f"{scene.service.base_url}/api/v1/sends/{transid}"
    send = requests.get(url, headers=headers, timeout=20).json()
    if name.startswith("messaging"):
        return bool(send["deliveries"]) and all(
            each["outcome"] == "success" for each in send["deliveries"]
        )
    told = "event"
    if name.startswith("profile"):  # this platform notifies no URL of them, so that they are asked
        told, path = "profile", f"/resources/v2/profile/status/{transid}"
        key = {"key": scene.entrance.api_key}
        requests.get(scene.service.base_url + path, headers=key, timeout=20)
    return any(each["kind"] == told for each in send["timeline"])
