"""Prometheus's own tool, which says what alert rules make of series."""

import json
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "config" / "alerts.yml"
#: Prometheus's labels of whatever it scrapes.
SCRAPED: Final = 'instance="a:8080",job="receiver"'

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="ALERT RULES ARE NOT CHECKED: no promtool here (Debian: apt install prometheus)",
)


def labelled(series: str) -> str:
    """Return a series as Prometheus would call it."""
    name, _, labels = series.partition("{")
    return f"{name}{{{SCRAPED},{labels}" if labels else f"{name}{{{SCRAPED}}}"


def check(series: Mapping[str, str], expected: Mapping[str, Collection[str]], folder: Path) -> str:
    """Return what promtool has against just these alerts firing at moments.

    `series` map to values, one a minute, in promtool's notation; moments, like `40m`, to alerts.
    """
    return _verdict(
        series,
        [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": moment,
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in names
                ],
            }
            for moment, names in expected.items()
        ],
        folder,
    )


def check_one(
    alert: str, series: Mapping[str, str], expected: Mapping[str, bool], folder: Path
) -> str:
    """Return what promtool has against one alert firing at some moments and not at others."""
    return _verdict(
        series,
        [
            {
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": moment,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
            for moment, fires in expected.items()
        ],
        folder,
    )


def _verdict(series: Mapping[str, str], asked: Sequence[Any], folder: Path) -> str:
    inputs = [{"series": labelled(name), "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": asked}
    file = folder / "test.json"
    file.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
