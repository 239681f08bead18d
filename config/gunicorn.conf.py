"""How gunicorn serves. Read by `receiver serve` and `receiver run`; imports nothing of ours.

psycopg must not be imported before gevent has patched, or one slow query stops a whole worker:
so no preload, and each worker makes sure of it when it starts.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger


class JsonLines(logging.Formatter):
    """One JSON object a line, as receiver/log.py writes them; of exceptions no text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat()
        line: dict[str, Any] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": stamp.replace("+00:00", "Z"),
        }
        if record.exc_info and record.exc_info[1] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = type(record.exc_info[1]).__qualname__
            line["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


class QuietLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger without request lines and paths: hook tokens are part of them."""

    def setup(self, cfg: Any) -> None:
        """Write to stdout, as JSON."""
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonLines())
        self.error_log.handlers = [handler]

    def access(self, *_: object) -> None:
        """Write no access log."""

    def exception(self, msg: str, *args: object, **_: Any) -> None:
        """Write what failed, but not on which path."""
        super().exception(msg.partition(" %s")[0] if args else msg)

    def warning(self, msg: str, *args: object, **keywords: Any) -> None:
        """Write that a request can't be parsed, but not how it reads."""
        if msg.startswith("Invalid request from ip="):
            error = sys.exc_info()[0]
            msg = f"Invalid request: {error.__name__ if error else 'unknown'}"
        super().warning(msg, *args, **keywords)


def post_worker_init(worker: Any) -> None:
    """Refuse to serve with a psycopg that would block the event loop."""
    waiting = sys.modules.get("psycopg.waiting")
    if waiting is not None and waiting.wait is getattr(waiting, "wait_c", None):
        worker.log.critical("psycopg was imported before gevent patched: it would block")
        sys.exit(4)  # gunicorn stops as a whole where a worker can't load its application


chdir = str(Path(__file__).resolve().parents[1])
wsgi_app = "wsgi:app"
host = os.environ.get("RECEIVER_HOST", "127.0.0.1")
bind = (
    f"[{host}]:{os.environ.get('PORT', '8080')}"
    if ":" in host
    else (f"{host}:{os.environ.get('PORT', '8080')}")
)
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gevent"
worker_connections = 1000
reuse_port = True  # each worker has its own listener: the kernel spreads, no worker hoards
preload_app = False
max_requests = 0  # a worker that closes its listener resets what waits there

timeout = 30
graceful_timeout = 10
keepalive = 15

forwarder_headers = ""  # no header moves a hook to another path
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190

control_socket_disable = True  # it would be opened under $HOME
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
proc_name = "receiver"
logger_class = QuietLogger
loglevel = os.environ.get("RECEIVER_LOG_LEVEL", "INFO").lower()
accesslog = None
