"""A real gunicorn, and plain sockets to talk to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = (sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py")


@dataclass(frozen=True)
class Answer:
    """What came back on a socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("latin-1")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """One gunicorn that listens."""

    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data: bytes) -> Answer:
        """Send bytes as they are and read one answer."""
        with self.connect() as line:
            line.sendall(data)
            return read(line, method=data.split(b" ", 1)[0].decode())

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.raw("\r\n".join([*lines, "", ""]).encode() + body)


def read(line: socket.socket, *, method: str = "POST") -> Answer:
    response = HTTPResponse(line, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@contextmanager
def serving(url: str, log: Path, **more: str) -> Iterator[Server]:
    """Run gunicorn on the database at `url` for as long as the context lasts."""
    port = _free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "RECEIVER_SPOOL": "off",
        **more,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            _wait(port, process, log)
            yield Server(port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30  # it listens once the application is loaded
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
