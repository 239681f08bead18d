"""The programs that `receiver serve` and `receiver run` start, each in a fresh interpreter."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from receiver import metric_files
from receiver.cli import counted
from receiver.settings import Settings
from receiver.supervisor import Child

ROOT: Final = Path(__file__).resolve().parents[2]

logger = structlog.get_logger()


def web(settings: Settings, url: str, **more: str) -> Child:
    """Return gunicorn with our application; `more` goes into its environment."""
    configuration = str(ROOT / "config" / "gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "-c", configuration, "wsgi:app"]
    environment = _environment(settings, DATABASE_URL=url, **_counting(settings), **more)
    return Child("web", command, environment, ROOT)


def worker(settings: Settings, url: str, **more: str) -> Child:
    """Return our own worker."""
    return _ours("worker", _environment(settings, DATABASE_URL=url, **more))


def sandbox(settings: Settings, *, port: int, notify_url: str) -> Child:
    """Return the sandbox; `notify_url` is its service's own."""
    more = {"RECEIVER_SANDBOX_PORT": str(port), "RECEIVER_SANDBOX_NOTIFY_URL": notify_url}
    return _ours("sandbox", _environment(settings, **more))


def _ours(name: str, environment: Mapping[str, str]) -> Child:
    command = [sys.executable, "-c", "from receiver.cli import main; main()", name]
    return Child(name, command, environment, ROOT)


def _environment(settings: Settings, **more: str) -> Mapping[str, str]:
    return {
        **os.environ,
        "PORT": str(settings.port),
        "RECEIVER_HOST": settings.host,
        "RECEIVER_VAR": str(settings.var_dir),
        **more,
    }


def _counting(settings: Settings) -> Mapping[str, str]:
    """Return where the workers count together, from now on."""
    folder = metric_files.emptied(counted.folder_of(settings))
    if folder is None:
        logger.warning("metrics_apart", reason="the folder for metrics can't be made")
        return {}
    with suppress(OSError):
        (folder / counted.STAMP).touch()
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
