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
#: For so long what was scraped stays as it is; longer than any rule looks back.
MINUTES: Final = 70

#: Series, to the value that each was scraped with.
Scrape = Mapping[str, str]

#: Why no alert rule can be checked here; empty where it can.
MISSING: Final = (
    ""
    if shutil.which("promtool")
    else "ALERT RULES ARE NOT CHECKED: no promtool here (Debian: apt install prometheus)"
)
needs_promtool = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def scraped(text: str) -> Scrape:
    """Return what a scrape was answered."""
    lines = [line for line in text.split("\n") if line and line[0] != "#"]
    return {name: value for name, _, value in (line.rpartition(" ") for line in lines)}


def rings(alert: str, well: Scrape, ill: Scrape, folder: Path) -> bool:
    """Tell whether an alert fires after some time of what was scraped last, and not before."""

    def values(name: str) -> str:
        before, after = (f"{each.get(name, '_')}x{MINUTES}" for each in (well, ill))
        return f"{before} {after}"

    series = {name: values(name) for name in well.keys() | ill.keys()}
    quiet, loud = f"{MINUTES - 1}m", f"{MINUTES + 12}m"
    return check_one(alert, series, {quiet: False, loud: True}, folder) == ""


def rung(scrape: Scrape, folder: Path) -> str:
    """Return what promtool has against no alert firing while what was scraped stays as it is."""
    return check(
        {name: f"{value}x{MINUTES}" for name, value in scrape.items()},
        {f"{MINUTES - 1}m": []},
        folder,
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
