"""How gunicorn serves. Read by `receiver serve` and `receiver run`; imports nothing of ours.

psycopg must not be imported before gevent has patched, or one slow query stops a whole worker:
so no preload, and each worker makes sure of it when it starts.
"""

import json
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker


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


class PatientWorker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker, which answers at its end what its listener has accepted.

    gunicorn's own closes the listener on what still waits behind it, fails requests that begin at
    that moment, and keeps a silent keep-alive connection until it is killed together with those
    that have something to say.
    """

    #: So long after the signal it goes on: connections that are kept alive learn with their next
    #: answer that they are closed, and at a reload the listeners of the new workers come up.
    last_seconds = 1.0
    #: It ends so long before the master, whose patience began earlier, would kill it.
    margin_seconds = 0.7

    def run(self) -> None:
        """Serve until a signal ends it."""
        self._lines: dict[Any, Any] = {}
        self._waiting: set[Any] = set()
        servers = [self._serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(0.2)
        until = time.monotonic() + self.cfg.graceful_timeout - self.margin_seconds
        gevent.sleep(self.last_seconds)
        for server in servers:
            self._close(server)
        while (left := sum(len(server.pool) for server in servers)) and time.monotonic() < until:
            self.notify()
            gevent.sleep(0.05)
        if left:
            self.log.warning("Worker ends with %s open connections", left)

    def notify(self) -> None:
        """Tell the master that we live; without a master, end as if it had said so."""
        self.tmp.notify()
        if self.ppid != os.getppid():
            self.alive = False

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        named = _Named(listener.getsockname())
        pool = Pool(self.worker_connections)
        server = StreamServer(listener, handle=partial(self.handle, named), spawn=pool)
        server.start()
        return server

    def _close(self, server: StreamServer) -> None:
        """Take what waits behind the listener, close it, and close the lines that are silent."""
        server.stop_accepting()
        while not server.full() and (accepted := server.do_read()):
            server.do_handle(*accepted)
        server.close()
        for greenlet in self._waiting:
            with suppress(OSError):  # what has come already can still be read
                self._lines[greenlet].shutdown(socket.SHUT_RD)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, and remember it as long as it is open."""
        greenlet = gevent.getcurrent()
        self._lines[greenlet] = client
        try:
            super().handle(listener, client, addr)
        finally:
            del self._lines[greenlet]

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Bound the wait for the next request of a connection."""
        greenlet = gevent.getcurrent()
        self._waiting.add(greenlet)
        try:
            with gevent.Timeout(self.cfg.keepalive if self.alive else self.last_seconds, False):
                yield
        finally:
            self._waiting.discard(greenlet)


class _Named:
    """A listener's name, which connections ask for when it may be closed already."""

    def __init__(self, name: Any) -> None:
        self.getsockname = lambda: name


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
worker_class = PatientWorker
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
