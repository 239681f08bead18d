"""The programs that `receiver serve` and `receiver run` start, each in a fresh interpreter."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from receiver import metric_files
from receiver.settings import Settings
from receiver.supervisor import Child

ROOT: Final = Path(__file__).resolve().parents[2]

logger = structlog.get_logger()


def web(settings: Settings, url: str) -> Child:
    """Return gunicorn with our application."""
    configuration = str(ROOT / "config" / "gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "-c", configuration, "wsgi:app"]
    environment = {**_environment(settings, url), **_counting(settings)}
    return Child("web", command, environment, ROOT)


def worker(settings: Settings, url: str) -> Child:
    """Return our own worker."""
    command = [sys.executable, "-c", "from receiver.cli import main; main()", "worker"]
    return Child("worker", command, _environment(settings, url), ROOT)


def _environment(settings: Settings, url: str) -> Mapping[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": url,
        "PORT": str(settings.port),
        "RECEIVER_HOST": settings.host,
        "RECEIVER_VAR": str(settings.var_dir),
    }


def _counting(settings: Settings) -> Mapping[str, str]:
    """Return where the workers count together; a port is one service's, a folder may not be."""
    folder = metric_files.emptied(settings.var_dir / "metrics" / str(settings.port))
    if folder is None:
        logger.warning("metrics_apart", reason="the folder for metrics can't be made")
        return {}
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
