"""How gunicorn serves. Read by `receiver serve` and `receiver run`; imports nothing of ours.

psycopg must not be imported before gevent has patched, or one slow query stops a whole worker:
so no preload, and each worker makes sure of it when it starts.
"""

import _socket  # gevent's own would fail a read that waits
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
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

    def debug(self, *_: object, **__: Any) -> None:
        """Write nothing: these lines quote paths, and pieces of requests."""

    def exception(self, msg: str, *args: object, **_: Any) -> None:
        """Write what failed, but not on which path."""
        super().exception(msg.partition(" %s")[0] if args else msg)

    def warning(self, msg: str, *args: object, **keywords: Any) -> None:
        """Write that a request can't be parsed, but not how it reads."""
        if msg.startswith("Invalid request from ip="):
            error = sys.exc_info()[0]
            msg = f"Invalid request: {error.__name__ if error else 'unknown'}"
        super().warning(msg, *args, **keywords)


class PatientArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which at a reload keeps the old workers until the new ones listen.

    gunicorn's own ends them while the new ones still import, and who comes then finds nobody.
    """

    _newest_old = 0  # the workers up to this age are to be replaced

    def reload(self) -> None:
        """Read the settings anew and start new workers."""
        self._newest_old = self.worker_age
        super().reload()

    def manage_workers(self) -> None:
        """Keep as many workers as there should be, those that are to be replaced not counted."""
        old = self._old()
        if not old:
            super().manage_workers()
            return
        for _ in range(self.num_workers - (len(self.WORKERS) - len(old))):
            self.spawn_worker()
        self._see_off()

    def spawn_worker(self) -> None:
        """Start a worker, which may be told to end at once: see `post_fork`."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def reap_workers(self) -> None:
        """Bury those that have ended; a reload does only this while it waits for the old ones."""
        super().reap_workers()
        self._see_off()

    def _see_off(self) -> None:
        """End the old workers once all new ones listen."""
        old = self._old()
        new = [worker for worker in self.WORKERS.values() if worker not in old]
        if new and all(worker.listens for worker in new):
            for worker in old:
                self.kill_worker(worker.pid, signal.SIGTERM)

    def _old(self) -> list[Any]:
        return [worker for worker in self.WORKERS.values() if worker.age <= self._newest_old]


class PatientWorker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker, which listens when it can answer, and answers what it has accepted.

    gunicorn's own listens before it imports the application, so that its share of the connections
    waits for that. At its end it closes the listener on what still waits behind it, fails requests
    that begin at that moment, and keeps a silent keep-alive connection until it is killed together
    with those that have something to say.
    """

    #: So long after the signal it goes on: connections that are kept alive learn with their next
    #: answer that they are closed.
    last_seconds = 1.0
    #: It ends so long before the master, whose patience began earlier, would kill it.
    margin_seconds = 0.7

    @property
    def listens(self) -> bool:
        """Whether it can answer; the master asks, through the file that they share."""
        return os.fstat(self.tmp.fileno()).st_size > 0

    def run(self) -> None:
        """Listen, now that the application is loaded, and serve until a signal ends it."""
        if not self.alive:  # the signal came while it was loaded
            return
        self._lines: dict[Any, Any] = {}
        self._waiting = _Waits()
        servers = [self._serve(_listener(host, port, self.cfg.backlog))]
        if operations:
            place, _, number = operations.rpartition(":")
            beside = _listener(place.strip("[]"), number, self.cfg.backlog)
            servers.append(_Operations(self)._serve(beside))  # noqa: SLF001
        os.ftruncate(self.tmp.fileno(), 1)
        self.log.info("Worker listens (pid: %s)", self.pid)
        while self.alive:
            self.notify()
            self._hang_up(self.cfg.keepalive)
            gevent.sleep(0.2)
        self._end(servers)

    def _end(self, servers: list[StreamServer]) -> None:
        until = time.monotonic() + self.cfg.graceful_timeout - self.margin_seconds
        gevent.sleep(self.last_seconds)
        for server in servers:
            self._close(server)
        while (left := sum(len(server.pool) for server in servers)) and time.monotonic() < until:
            self.notify()
            self._hang_up(self.last_seconds)
            gevent.sleep(0.05)
        if left:
            self.log.warning("Worker ends with %s open connections", left)

    def notify(self) -> None:
        """Tell the master that we live; without a master, end as if it had said so."""
        self.tmp.notify()
        if self.ppid != os.getppid():
            self.alive = False

    def _serve(self, listener: Any) -> StreamServer:
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
        self._hang_up(0)

    def _hang_up(self, seconds: float) -> None:
        """Close the lines that have waited so long; what has come already can still be read."""
        until = time.monotonic() - seconds
        for greenlet, since in self._waiting.items():
            if since <= until:
                with suppress(OSError):
                    line = os.dup(self._lines[greenlet].fileno())
                    with closing(_socket.socket(fileno=line)) as bare:
                        bare.shutdown(socket.SHUT_RD)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, and remember it as long as it is open."""
        client.__class__ = _Line
        greenlet = gevent.getcurrent()
        self._lines[greenlet] = client
        try:
            super().handle(listener, client, addr)
        finally:
            del self._lines[greenlet]

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what can't be read by 400; a coding that nobody knows is no failure of ours."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("TRANSFER-ENCODING")
        super().handle_error(req, client, addr, exc)

    def timeout_ctx(self) -> "_Waits":
        """Bound the wait for the next request of a connection: see `_hang_up`."""
        return self._waiting


class _Line(gevent.socket.socket):  # type: ignore[misc]
    """A caller's line, which can't keep the worker to itself.

    gevent reads what is there already without a turn of its loop: who sends faster than we read
    would be the only one to be heard, and no clock would run meanwhile.
    """

    __slots__ = ()
    most_seconds = 0.05

    def recv(self, *arguments: Any) -> bytes:
        """Return what has come, after the others where they have waited long."""
        if time.time() - self.hub.loop.now() > self.most_seconds:
            gevent.sleep(0.001)  # with 0 the loop goes on for dozens of turns without a look around
        received: bytes = super().recv(*arguments)
        return received


class _Operations(PatientWorker):
    """The very same worker on the listener of operations, where another application answers.

    So the socket alone decides, no header does, and on the public one nothing is asked for it.
    """

    def __init__(self, worker: PatientWorker) -> None:
        self.__dict__ = worker.__dict__
        self._operations = util.import_app("wsgi:operations")

    @property
    def wsgi(self) -> Any:
        """What answers, instead of the worker's own."""
        return self._operations


class _Waits(dict[Any, float]):
    """The greenlets that wait for a request, and since when; a timer for each costs more."""

    def __enter__(self) -> None:
        self[gevent.getcurrent()] = time.monotonic()

    def __exit__(self, *_: object) -> None:
        del self[gevent.getcurrent()]


class _Named:
    """A listener's name, which connections ask for when it may be closed already."""

    def __init__(self, name: Any) -> None:
        self.getsockname = lambda: name


#: What connections inherit; who takes no answer for so many milliseconds is hung up on.
_OPTIONS = {socket.TCP_NODELAY: 1, socket.TCP_USER_TIMEOUT: 60_000}


def _listener(host: str, port: str, backlog: int) -> Any:
    """Return a listener of this process's own: the kernel spreads, no worker hoards."""
    v6 = ":" in host
    made = socket.create_server(
        (host, int(port)),
        family=socket.AF_INET6 if v6 else socket.AF_INET,
        backlog=backlog,
        reuse_port=True,
        dualstack_ipv6=v6 and socket.has_dualstack_ipv6(),
    )
    for option, value in _OPTIONS.items():
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def on_starting(arbiter: Any) -> None:
    """Make the master patient; gunicorn has no setting for its class."""
    arbiter.__class__ = PatientArbiter


def post_fork(arbiter: Any, worker: Any) -> None:
    """Heed the signal that ends a worker from its first moment; in the master's way it is lost."""
    signal.signal(signal.SIGTERM, worker.handle_exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def post_worker_init(worker: Any) -> None:
    """Refuse to serve with a psycopg that would block the event loop."""
    waiting = sys.modules.get("psycopg.waiting")
    if waiting is not None and waiting.wait is getattr(waiting, "wait_c", None):
        worker.log.critical("psycopg was imported before gevent patched: it would block")
        sys.exit(4)  # gunicorn stops as a whole where a worker can't load its application


chdir = str(Path(__file__).resolve().parents[1])
wsgi_app = "wsgi:app"
host = os.environ.get("RECEIVER_HOST", "127.0.0.1")
port = os.environ.get("PORT", "8080")
operations = os.environ.get("RECEIVER_OPERATIONS", "")
bind: list[str] = []  # by gunicorn nothing, neither in the master nor in a worker that still loads
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = PatientWorker
worker_connections = 1000
reuse_port = True  # the master has no listener
preload_app = False
max_requests = 0  # a worker that closes its listener resets what waits there

timeout = 30
graceful_timeout = 10
keepalive = 15

forwarder_headers = ""  # no header moves a hook to another path
secure_scheme_headers: dict[str, str] = {}  # nor is it refused where two of them disagree
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190

control_socket_disable = True  # it would be opened under $HOME
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
proc_name = "receiver"
logger_class = QuietLogger
loglevel = os.environ.get("RECEIVER_LOG_LEVEL", "INFO").lower()
accesslog = None
