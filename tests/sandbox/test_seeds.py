"""The request examples of the platform's own pages: as they stand, and repaired."""

import json
import re

import pytest

from receiver.sandbox.state import PROFILE_KEY
from tests.examples import EXAMPLES, named, repaired
from tests.sandbox.playing import EVENTS, MESSAGING, PROFILES, Played, until

PHONE = re.compile(r"<phone number\d? with country code>")


@pytest.mark.parametrize("name", named("messaging"))
def test_messaging_examples(name: str, sandbox: Played) -> None:
    broken = sandbox.post(MESSAGING, EXAMPLES[name])["response"]
    answers = sandbox.post(MESSAGING, repaired(name))["response"]

    assert broken["code"] == "7000"
    assert broken["description"].startswith("Invalid JSON: line 1 column 1: ")
    assert {answer["code"] for answer in answers} == {"1001"}
    assert {answer["description"] for answer in answers} == {"Queued"}
    assert len(answers) == (3 if "batch" in name else 1)
    assert answers[0]["correlationid"] == ("sgh3tvk" if "optional" in name else "")
    if "optional" not in name:  # it names somebody's real notify URL
        for answer in answers:
            lines = sandbox.lines(answer["transid"])
            assert [line["outcome"] for line in lines] == ["taken", "taken"]
            assert PHONE.fullmatch(lines[0]["destination"])


def test_parts_of_a_batch_have_one_id_and_numbers(sandbox: Played) -> None:
    text = repaired("messaging-batch")

    first, *others = [each["transid"] for each in sandbox.post(MESSAGING, text)["response"]]

    assert others == [f"{first}_1", f"{first}_2"]


@pytest.mark.parametrize("name", named("events"))
def test_event_examples_stand_as_they_are(name: str, sandbox: Played) -> None:
    text = EXAMPLES[name]

    response = sandbox.post(EVENTS, text)["response"]

    answers = response if isinstance(response, list) else [response]
    assert [(each["code"], each["description"]) for each in answers] == [("1002", "Queued")] * (
        text.count("evtid")
    )
    assert [each["correlationid"] for each in answers] == [
        each["correlationid"] for each in json.loads(text)["events"]
    ]


@pytest.mark.parametrize("name", named("profiles"))
def test_profile_examples(name: str, sandbox: Played) -> None:
    broken = sandbox.post(f"{PROFILES}/77", EXAMPLES[name], key=PROFILE_KEY)["response"]
    answer = sandbox.post(f"{PROFILES}/77", repaired(name), key=PROFILE_KEY)["response"]

    assert broken["code"] == "7000"
    assert re.fullmatch(r"Invalid JSON: line \d+ column \d+: .*", broken["description"])
    assert (answer["code"], answer["description"]) == ("1001", "Queued")
    customers = [each["customerId"] for each in json.loads(repaired(name))["Records"]]
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
