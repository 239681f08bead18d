"""The status rule, as a table."""

import pytest

from receiver.domain import status
from receiver.domain.status import Outcome, status_of


@pytest.mark.parametrize(
    ("channel", "spelling", "name"),
    [
        pytest.param("sms", "Submitted", "submitted", id="plain"),
        pytest.param("messenger", "Submited", "submitted", id="one t missing"),
        pytest.param("rt", "Submit", "submitted", id="old page"),
        pytest.param("sms", "SENT", "submitted", id="a wish for Submitted"),
        pytest.param("sms", "Un-Delivered", "undelivered", id="hyphen"),
        pytest.param("sms", "UNDELIVERED", "undelivered", id="upper case"),
        pytest.param("email", "Not Verified", "failed", id="blank"),
        pytest.param("email", "Bounce", "bounced", id="payload's bounce"),
        pytest.param("email", "Bounced", "bounced", id="page's bounce"),
        pytest.param("email", "Complaint", "complained", id="complaint"),
        pytest.param("voice", "TROMBONE_CONNECTED", "ended", id="underscore"),
        pytest.param("voice", "Released", "ended", id="mixed case"),
        pytest.param("voice", "ANSWERED", "delivered", id="answered is delivered"),
        pytest.param("voice", "ACCEPTED", "submitted", id="voice accepted"),
        pytest.param("sms", "ACCEPTED", "unknown", id="accepted elsewhere"),
        pytest.param("sms", "DROPPED", "unknown", id="dropped elsewhere"),
        pytest.param("sms", "Zapped", "unknown", id="never heard of"),
        pytest.param("sms", "", "unknown", id="nothing"),
        pytest.param("sms", "доставлено", "unknown", id="other letters"),
    ],
)
def test_a_spelling_means(channel: str, spelling: str, name: str) -> None:
    assert status_of(channel, spelling).name == name


def test_ranks_are_distinct_and_name_their_status() -> None:
    assert len(status.BY_RANK) == len(status.STATUSES)
    assert all(status.BY_RANK[each.rank] is each for each in status.STATUSES)


def test_unknown_is_not_failed() -> None:
    assert status.UNKNOWN.outcome is Outcome.PENDING
    assert min(status.BY_RANK) == status.UNKNOWN.rank
