"""Each alert rule: what makes it fire, and that nothing else does, by promtool."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.monitoring.promtool import RULES, check, needs_promtool

pytestmark = needs_promtool

#: A service that is well, over two hours and a half.
WELL: Mapping[str, str] = {
    "up": "1x150",
    'receiver_build_info{version="0.1.0"}': "1x150",
    "receiver_store_away": "0x150",
    "receiver_store_committed_at_seconds": "7000+60x150",
    'receiver_store_refused_at_seconds{cause="full"}': "6000x150",
    "receiver_spool_usable": "1x150",
    "receiver_spool_off": "0x150",
    "receiver_spool_oldest_seconds": "1x150",
    "receiver_spool_damaged": "0x150",
    "receiver_queue_oldest_seconds": "0x150",
    'receiver_refusals_total{point="otp",reason="store_away",status="503"}': "4x150",
    'receiver_refusals_total{point="otp",reason="bad_signature",status="401"}': "4x150",
    'receiver_refusals_total{point="",reason="not_found",status="404"}': "0+2x150",
    'receiver_answer_seconds_bucket{le="0.01"}': "0+60x150",
    'receiver_answer_seconds_bucket{le="9.0"}': "0+60x150",
    'receiver_answer_seconds_bucket{le="+Inf"}': "0+60x150",
    'receiver_silent_sends{point=""}': "0x150",
    'receiver_silent_sends{point="otp"}': "0x150",
    'receiver_notifications_total{kind="receipt",point="otp",result="accepted"}': "0+60x150",
    'receiver_sends_total{result="accepted",source="api"}': "0+30x150",
    'receiver_quarantined_total{point="otp",reason="not_json"}': "9x150",
    'receiver_quarantined_total{point="old",reason="disabled"}': "0+60x150",
    'receiver_unknown_statuses_total{point="otp"}': "9x150",
    'receiver_hour_failures{code="7107"}': "90x150",
    'receiver_hour_failures{code="7110"}': "3x150",
    'receiver_hour_deliveries{outcome="failure"}': "93x150",
    'receiver_hour_deliveries{outcome="success"}': "907x150",
    'receiver_hour_sends{kind="recorded"}': "900x150",
    'receiver_hour_sends{kind="orphan"}': "100x150",
    "receiver_partitions_ahead_days": "14x150",
    "receiver_worker_works": "1x150",
    'receiver_duty_success_timestamp_seconds{duty="counts"}': "0+60x150",
    'receiver_duty_period_seconds{duty="counts"}': "5x150",
    'receiver_duty_success_timestamp_seconds{duty="partitions"}': "0+30x150",
    'receiver_duty_period_seconds{duty="partitions"}': "3600x150",
    "receiver_feed_lag_seconds": "0.2x150",
    'receiver_database_connections{state="idle"}': "40x150",
    'receiver_database_connections{state="active"}': "5x150",
    "receiver_database_connections_most": "100x150",
    "receiver_gateway_unrecorded_total": "0x150",
    "receiver_log_lines_dropped_total": "0x150",
}
_RECEIPTS = 'receiver_notifications_total{kind="receipt",point="otp",result="accepted"}'
#: By alert, what is otherwise from the hour and a half on; None is gone.
ILL: Mapping[str, Mapping[str, str | None]] = {
    "ReceiverDown": {"up": "0x60"},
    "ReceiverBlind": {"receiver_partitions_ahead_days": None},
    "ReceiverStoreAway": {"receiver_store_away": "1x60"},
    "ReceiverStoreRefuses": {
        "receiver_store_committed_at_seconds": "12340x60",
        'receiver_store_refused_at_seconds{cause="full"}': "12400+60x60",
    },
    "ReceiverSpoolUnusable": {"receiver_spool_usable": "0x60"},
    "ReceiverSpoolOld": {"receiver_spool_oldest_seconds": "0+60x60"},
    "ReceiverSpoolDamaged": {"receiver_spool_damaged": "1x60"},
    "ReceiverRefuses": {
        'receiver_refusals_total{point="",reason="slow_body",status="503"}': "_x20 1x40"
    },
    "ReceiverSlow": {
        'receiver_answer_seconds_bucket{le="0.01"}': "5400+30x60",
    },
    "ReceiverQueueOld": {"receiver_queue_oldest_seconds": "2x60"},
    "ReceiverSilence": {'receiver_silent_sends{point="otp"}': "7x60"},
    "ReceiverReceiptsFewer": {_RECEIPTS: "5400+14x60"},
    "ReceiverQuarantineGrows": {
        'receiver_quarantined_total{point="otp",reason="not_json"}': "9+1x60",
    },
    "ReceiverSignaturesFail": {
        'receiver_refusals_total{point="new",reason="bad_signature",status="401"}': "_x20 1x40"
    },
    "ReceiverUnknownHooks": {
        'receiver_refusals_total{point="",reason="not_found",status="404"}': "180+60x60"
    },
    "ReceiverUnknownStatuses": {'receiver_unknown_statuses_total{point="new"}': "_x9 1x50"},
    "ReceiverFailures": {'receiver_hour_failures{code="7107"}': "210x60"},
    "ReceiverOrphans": {'receiver_hour_sends{kind="orphan"}': "300x60"},
    "ReceiverPartitionsShort": {"receiver_partitions_ahead_days": "2x60"},
    "ReceiverWorkerAbsent": {"receiver_worker_works": "0x60"},
    "ReceiverDutyUndone": {'receiver_duty_success_timestamp_seconds{duty="counts"}': "5340x60"},
    "ReceiverFeedLag": {"receiver_feed_lag_seconds": "90x60"},
    "ReceiverConnectionsCrowded": {'receiver_database_connections{state="idle"}': "90x60"},
    "ReceiverGatewayUnrecorded": {"receiver_gateway_unrecorded_total": "0+1x60"},
    "ReceiverLogLinesDropped": {"receiver_log_lines_dropped_total": "0+1x60"},
}
#: Those that never come alone.
TOGETHER: Mapping[str, tuple[Mapping[str, str | None], list[str]]] = {
    "ReceiverAbsent": (dict.fromkeys(WELL), []),
    "ReceiverTakesNothing": (
        {"receiver_store_away": "1x60", "receiver_spool_usable": "0x60"},
        ["ReceiverSpoolUnusable", "ReceiverStoreAway"],
    ),
    "ReceiverReceiptsStopped": ({_RECEIPTS: "5400x60"}, ["ReceiverReceiptsFewer"]),
}


def changed(series: str, values: str | None) -> str:
    """Return values that are good for an hour and a half, and then `values`."""
    good = WELL.get(series, "_x150").removesuffix("150")
    return f"{good}89" if values is None else f"{good}89 {values}"


def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tried() -> None:
    rules = re.findall(r"^ *- alert: (\w+)$", RULES.read_text(), re.MULTILINE)

    assert sorted(rules) == sorted(ILL.keys() | TOGETHER.keys())


def test_all_is_quiet_while_all_is_well(tmp_path: Path) -> None:
    assert check(WELL, {"30m": [], "120m": [], "149m": []}, tmp_path) == ""


@pytest.mark.parametrize("alert", ILL)
def test_a_rule_fires_for_its_fault_alone(alert: str, tmp_path: Path) -> None:
    series = {**WELL, **{name: changed(name, values) for name, values in ILL[alert].items()}}

    assert check(series, {"80m": [], "118m": [alert]}, tmp_path) == ""


@pytest.mark.parametrize("alert", TOGETHER)
def test_rules_that_come_together(alert: str, tmp_path: Path) -> None:
    ill, others = TOGETHER[alert]
    series = {**WELL, **{name: changed(name, values) for name, values in ill.items()}}

    assert check(series, {"80m": [], "125m": sorted([alert, *others])}, tmp_path) == ""
