"""Our own gunicorn settings but for the kind of worker: threads."""

import os
import runpy
from pathlib import Path
from typing import Any

from bench.usual.settings import THREADS

_OURS = Path(__file__).resolve().parents[2] / "config" / "gunicorn.conf.py"
globals().update(runpy.run_path(str(_OURS)))

bind = [f"127.0.0.1:{os.environ['PORT']}"]  # a thing that our own workers do for themselves
worker_class = "gthread"
threads = int(os.environ[THREADS])


def on_starting(arbiter: Any) -> None:
    """Leave gunicorn's master as it is: ours waits for workers that say when they listen."""


def post_worker_init(worker: Any) -> None:
    """Ask nothing of psycopg: where threads wait, its own way of waiting is right."""
