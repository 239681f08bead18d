"""When the platform is asked about a send, and under which name."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.questions import PAUSES, Finding, Question, next_question, spellings
from tests.making import START, UUIDS

HOUR = timedelta(hours=1)


def asked(name: str, finding: Finding, hours: int = 0) -> Question:
    return Question(asked_as=name, asked_at=START + hours * HOUR, finding=finding)


def test_a_send_is_asked_for_at_once_and_then_ever_more_seldom() -> None:
    past: list[Question] = []
    due_at = START
    for pause in (*PAUSES, None):
        assert next_question("t", past) == ("t", due_at if past else None)
        past.append(Question(asked_as="t", asked_at=due_at, finding=Finding.TOLD))
        due_at += pause or timedelta(0)

    assert next_question("t", past) is None


@pytest.mark.parametrize("finding", [Finding.UNKNOWN, Finding.NOTHING])
def test_what_is_unknown_by_one_name_is_asked_for_by_the_other_at_once(finding: Finding) -> None:
    plain, zero = spellings(UUIDS[0])
    first, second = asked(plain, finding), asked(zero, finding)

    assert next_question(plain, [first]) == (zero, None)
    assert next_question(plain, [first, second]) == (plain, START + HOUR)


def test_a_name_that_was_told_of_is_kept_to() -> None:
    plain, zero = spellings(UUIDS[0])
    past = [asked(plain, Finding.UNKNOWN), asked(zero, Finding.TOLD)]

    assert next_question(plain, past) == (zero, START + HOUR)
    assert next_question(plain, [*past, asked(zero, Finding.UNKNOWN, 1)]) == (
        zero,
        START + 7 * HOUR,
    )


def test_trouble_is_no_reason_for_another_name() -> None:
    plain, _ = spellings(UUIDS[0])

    assert next_question(plain, [asked(plain, Finding.BUSY)]) == (plain, START + HOUR)


@pytest.mark.parametrize("transid", ["otp-17", f"{UUIDS[0]}_1", f"{UUIDS[0]}_0"])
def test_only_a_bare_uuid_has_another_name(transid: str) -> None:
    assert spellings(transid) == (transid,)


@given(findings=st.lists(st.sampled_from(Finding), min_size=20, max_size=20))
def test_whatever_is_said_a_send_is_asked_for_a_few_times_only(findings: list[Finding]) -> None:
    past: list[Question] = []
    now = START
    for finding in findings:
        found = next_question(UUIDS[0], past)
        if found is None:
            break
        name, due_at = found
        now = max(now, due_at or now)
        past.append(Question(asked_as=name, asked_at=now, finding=finding))

    times = Counter(question.asked_as for question in past)
    assert next_question(UUIDS[0], past) is None
    assert all(n <= len(PAUSES) + 1 for n in times.values())
