"""The request examples of the platform's own pages: as they stand, and repaired."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from receiver.sandbox.state import PROFILE_KEY
from tests.sandbox.playing import EVENTS, MESSAGING, PROFILES, Played, until

SEEDS = Path(__file__).parent / "seeds"
PHONE = re.compile(r"<phone number\d? with country code>")


def names(prefix: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted(SEEDS.glob(f"{prefix}-*.txt"))]


def repaired(text: str) -> str:
    """Return an example as JSON: what its writer forgot or invented is put right."""
    text = re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"ISODate\('([^']*)'\)", r'"\1"', text)
    text = re.sub(r"(?<=\?)\t+ *", "", text)
    text = re.sub(r'(": "[^"\n]*")(\s*\n\s*")', r"\1,\2", text)
    text = re.sub(r",(\s*})", r"\1", text)
    return text + "}" * (text.count("{") - text.count("}"))


@pytest.mark.parametrize("path", names("messaging"))
def test_messaging_examples(path: Path, sandbox: Played) -> None:
    text = path.read_text()

    broken = sandbox.post(MESSAGING, text)["response"]
    answers = sandbox.post(MESSAGING, repaired(text))["response"]

    assert broken["code"] == "7000"
    assert broken["description"].startswith("Invalid JSON: line 1 column 1: ")
    assert {answer["code"] for answer in answers} == {"1001"}
    assert {answer["description"] for answer in answers} == {"Queued"}
    assert len(answers) == (3 if "batch" in path.stem else 1)
    assert answers[0]["correlationid"] == ("sgh3tvk" if "optional" in path.stem else "")
    if "optional" not in path.stem:  # it names somebody's real notify URL
        for answer in answers:
            lines = sandbox.lines(answer["transid"])
            assert [line["outcome"] for line in lines] == ["taken", "taken"]
            assert PHONE.fullmatch(lines[0]["destination"])


def test_parts_of_a_batch_have_one_id_and_numbers(sandbox: Played) -> None:
    text = repaired((SEEDS / "messaging-batch.txt").read_text())

    first, *others = [each["transid"] for each in sandbox.post(MESSAGING, text)["response"]]

    assert others == [f"{first}_1", f"{first}_2"]


@pytest.mark.parametrize("path", names("event"))
def test_event_examples_stand_as_they_are(path: Path, sandbox: Played) -> None:
    text = path.read_text()

    response = sandbox.post(EVENTS, text)["response"]

    answers = response if isinstance(response, list) else [response]
    assert [(each["code"], each["description"]) for each in answers] == [("1002", "Queued")] * (
        text.count("evtid")
    )
    assert [each["correlationid"] for each in answers] == [
        each["correlationid"] for each in json.loads(text)["events"]
    ]


@pytest.mark.parametrize("path", names("profile"))
def test_profile_examples(path: Path, sandbox: Played) -> None:
    text = path.read_text()

    broken = sandbox.post(f"{PROFILES}/77", text, key=PROFILE_KEY)["response"]
    answer = sandbox.post(f"{PROFILES}/77", repaired(text), key=PROFILE_KEY)["response"]

    assert broken["code"] == "7000"
    assert re.fullmatch(r"Invalid JSON: line \d+ column \d+: .*", broken["description"])
    assert (answer["code"], answer["description"]) == ("1001", "Queued")
    customers = [each["customerId"] for each in json.loads(repaired(text))["Records"]]
    done = until(
        lambda: sandbox.get(f"/resources/v2/profile/status/{answer['transid']}", key=PROFILE_KEY),
        lambda said: said["code"] != "7600",
    )
    assert done == {
        "TotalCount": len(customers),
        "code": "1000",
        "FailureCount": 0,
        "Results": [
            {"code": "1000", "customerId": each, "description": "SUCCESS"} for each in customers
        ],
        "transid": answer["transid"],
        "description": "SUCCESS",
        "SuccessCount": len(customers),
    }
