"""The verdict on one message."""

from typing import Any

import pytest

from receiver.domain.blame import Blame
from receiver.domain.facts import State
from receiver.domain.status import (
    ACCEPTED,
    COMPLAINED,
    DELIVERED,
    ENDED,
    FAILED,
    SUBMITTED,
    UNDELIVERED,
    UNKNOWN,
)
from receiver.domain.verdicts import Case, judge, worst

REPORTED: dict[str, Any] = {"state": State.ACCEPTED, "reported": True, "raw_status": "X"}
SENT: dict[str, Any] = {"state": State.ACCEPTED, "rank": ACCEPTED.rank}
HELD: dict[str, Any] = {"held": ["in quarantine (bad_signature)"]}


@pytest.mark.parametrize(
    ("case", "name", "blame"),
    [
        pytest.param({"rank": DELIVERED.rank}, "arrived", Blame.NONE, id="arrived"),
        pytest.param(
            {"rank": DELIVERED.rank, **HELD}, "arrived", Blame.NONE, id="arrived-whatever-is-held"
        ),
        pytest.param({"rank": COMPLAINED.rank}, "complained", Blame.RECIPIENT, id="complained"),
        pytest.param(
            {"rank": UNDELIVERED.rank, "code_blame": Blame.HANDSET},
            "failed",
            Blame.HANDSET,
            id="failed-by-its-code",
        ),
        pytest.param({"rank": UNDELIVERED.rank}, "failed", Blame.NETWORK, id="undelivered"),
        pytest.param({"rank": FAILED.rank}, "failed", Blame.PLATFORM, id="failed"),
        pytest.param({"rank": ENDED.rank}, "failed", Blame.PLATFORM, id="call-ended"),
        pytest.param({"state": State.REFUSED}, "refused", Blame.PLATFORM, id="refused"),
        pytest.param(
            {"state": State.REFUSED, "rank": FAILED.rank},
            "refused",
            Blame.PLATFORM,
            id="refused-with-a-destination",
        ),
        pytest.param(
            {"state": State.REFUSED, "code_blame": Blame.SENDER, **HELD},
            "refused",
            Blame.SENDER,
            id="refused-by-its-code",
        ),
        pytest.param({**SENT, **HELD}, "held", Blame.US, id="held"),
        pytest.param(
            {"rank": UNKNOWN.rank, "reported": True}, "unknown", Blame.PLATFORM, id="unknown"
        ),
        pytest.param({**SENT, "disabled": True}, "disabled", Blame.US, id="disabled"),
        pytest.param({"state": State.REGISTERED}, "registered", Blame.SENDER, id="registered"),
        pytest.param({"state": State.UNCONFIRMED}, "unconfirmed", Blame.PLATFORM, id="no-answer"),
        pytest.param(
            {**REPORTED, "rank": SUBMITTED.rank, "overdue": True},
            "stuck",
            Blame.NETWORK,
            id="stuck",
        ),
        pytest.param({**REPORTED, "rank": SUBMITTED.rank}, "under_way", Blame.NONE, id="under-way"),
        pytest.param(
            {**SENT, "elsewhere": True, "silent": True}, "elsewhere", Blame.NONE, id="elsewhere"
        ),
        pytest.param({**SENT, "silent": True}, "silent", Blame.PLATFORM, id="silent"),
        pytest.param({**SENT, "overdue": True}, "no_receipt", Blame.PLATFORM, id="no-receipt"),
        pytest.param(SENT, "waiting", Blame.NONE, id="waiting"),
        pytest.param({"state": State.ACCEPTED}, "waiting", Blame.NONE, id="without-delivery"),
    ],
)
def test_a_case_has_its_verdict(case: dict[str, Any], name: str, blame: Blame) -> None:
    verdict = judge(Case(**case))

    assert (verdict.name, verdict.blame) == (name, blame)


def test_a_verdict_says_the_code_with_its_text_and_the_spelling() -> None:
    case = Case(
        rank=UNDELIVERED.rank,
        raw_status="Un-{Delivered}",
        code="7207",
        code_text="Out of coverage",
        code_blame=Blame.HANDSET,
    )

    assert judge(case).sentence == "Un-{Delivered} (7207 Out of coverage)"


def test_trouble_goes_before_what_is_open_and_that_before_what_arrived() -> None:
    arrived, waiting = judge(Case(rank=DELIVERED.rank)), judge(Case(**SENT))
    failed, held = judge(Case(rank=FAILED.rank)), judge(Case(**SENT, **HELD))

    assert worst([arrived, waiting]) is waiting
    assert worst([arrived, waiting, failed]) is failed
    assert worst([failed, held, arrived]) is held
