"""Whether something is wrong with the flow as a whole, and with whom."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.blame import Blame
from receiver.domain.diagnosis import Failures, PointPulse, Vitals, diagnose

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OTP = PointPulse(code="otp", domain="default")


def failures(failed: int, ended: int, usual: float) -> Failures:
    return Failures(
        failed=failed, ended=ended, usual=usual, blame=Blame.HANDSET, most="7207 Out of coverage"
    )


@pytest.mark.parametrize(
    ("measured", "blame", "said"),
    [
        pytest.param({"database": "it is away"}, Blame.US, "it is away", id="database"),
        pytest.param({"store": "full"}, Blame.US, "its disk is full", id="database-full"),
        pytest.param({"service": "degraded"}, Blame.US, "degraded", id="degraded"),
        pytest.param({"service": "not reachable"}, Blame.US, "can't be reached", id="unreachable"),
        pytest.param({"spool_status": "full"}, Blame.US, "spool is full", id="disk-full"),
        pytest.param({"spool_damaged": 2}, Blame.US, "2 files", id="damaged"),
        pytest.param(
            {"spool_facts": 7, "spool_oldest_at": NOW - timedelta(minutes=5)},
            Blame.US,
            "7 facts wait in the spool, the oldest for 5 minutes",
            id="spool",
        ),
        pytest.param(
            {"held_1h": [("otp", "bad_signature", 3)], "arrived_1h": 200},
            Blame.US,
            "3 notifications of point otp went to quarantine (bad_signature): the hub secrets",
            id="signed-wrongly",
        ),
        pytest.param({"feed_lag_seconds": 90.0}, Blame.US, "90 seconds", id="feed"),
        pytest.param(
            {"worker": False, "counts_waiting": 60_000}, Blame.US, "no worker", id="worker"
        ),
        pytest.param(
            {"partitions_until": date(2026, 11, 27)}, Blame.US, "2026-11-27", id="partitions"
        ),
        pytest.param(
            {"points": [PointPulse(code="otp", domain="default", unanswered=1)]},
            Blame.PLATFORM,
            "no receipt came to point otp for a day, with 1 sends",
            id="silent",
        ),
        pytest.param(
            {"points": [PointPulse(code="", domain="default", unanswered=3)]},
            Blame.PLATFORM,
            "no receipt came of what was sent without naming a point, with 3 sends",
            id="silent-without-point",
        ),
        pytest.param({"sends_1h": 50, "refused_1h": 5}, Blame.SENDER, "5 of 50", id="refused"),
        pytest.param(
            {"failures": [failures(20, 100, 0.2)]}, Blame.HANDSET, "7207 Out", id="many-fail"
        ),
        pytest.param(
            {"failures": [failures(6, 100, 0.01)]}, Blame.HANDSET, "usually 1%", id="more-fail"
        ),
    ],
)
def test_a_symptom_has_its_cause(measured: dict[str, Any], blame: Blame, said: str) -> None:
    [finding] = diagnose(Vitals(now=NOW, **measured))

    assert finding.blame is blame
    assert said in finding.sentence


@pytest.mark.parametrize(
    "measured",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"service": "not reachable", "receipts_10m": 1}, id="runs-elsewhere"),
        pytest.param({"spool_status": "off"}, id="spool-off"),
        pytest.param({"spool_facts": 7, "spool_oldest_at": NOW}, id="spool-just-now"),
        pytest.param({"held_1h": [("otp", "not_json", 3)], "arrived_1h": 9000}, id="few-held"),
        pytest.param({"worker": False, "counts_waiting": 10}, id="worker-just-gone"),
        pytest.param({"points": [OTP]}, id="nothing-sent"),
        pytest.param(
            {"points": [PointPulse(code="a", domain="d", unanswered=9, disabled=True)]},
            id="disabled",
        ),
        pytest.param(
            {"points": [PointPulse(code="a", domain="d", unanswered=9, elsewhere=True)]},
            id="elsewhere",
        ),
        pytest.param({"sends_1h": 50, "refused_1h": 4}, id="few-refused"),
        pytest.param({"failures": [failures(4, 4, 0)]}, id="few-fail"),
        pytest.param({"failures": [failures(15, 100, 0.1)]}, id="as-usual"),
    ],
)
def test_what_is_no_symptom_finds_nothing(measured: dict[str, Any]) -> None:
    assert diagnose(Vitals(now=NOW, **measured)) == []


def test_what_is_ours_comes_first() -> None:
    silent = PointPulse(code="otp", domain="default", unanswered=5)
    found = diagnose(Vitals(now=NOW, points=[silent], spool_damaged=1, refused_1h=9, sends_1h=9))

    assert [each.blame for each in found] == [Blame.US, Blame.PLATFORM, Blame.SENDER]
