"""What the programs are started with."""

from pathlib import Path

import pytest

from receiver.cli import children
from receiver.settings import Settings

NAME = "PROMETHEUS_MULTIPROC_DIR"


def settings(var: Path) -> Settings:
    return Settings(var_dir=var, port=8099)


def test_the_workers_count_together_from_nothing(var_dir: Path) -> None:
    left = var_dir / "metrics" / "8099" / "counter_1.db"
    left.parent.mkdir(parents=True)
    left.touch()

    environment = children.web(settings(var_dir), "postgresql://").environment

    assert environment[NAME] == str(left.parent)
    assert not left.exists()


def test_without_room_for_metrics_it_is_served_all_the_same(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    var_dir.touch()

    assert NAME not in children.web(settings(var_dir), "postgresql://").environment
