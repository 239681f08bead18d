"""How workers come: with an application that takes long to import, nobody waits for it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.cli.processes import Running, eventually, free_port, running, status_of
from tests.faults.processes import children
from tests.web.test_away import Known, known
from tests.web.test_ends import begin

__all__ = ["known"]  # fixtures
IMPORT_SECONDS: Final = 3.0
#: What Python imports at its start: it makes the import of our application slow.
SLOW: Final = f"""
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "wsgi":
            time.sleep({IMPORT_SECONDS})

sys.meta_path.insert(0, Slow())
"""


@contextmanager
def slowly(known: Known, var: Path, **more: str) -> Iterator[tuple[Running, int]]:
    """Serve an application that takes long to import, with two workers."""
    (var / "sitecustomize.py").write_text(SLOW)
    port = free_port()
    more = {"DATABASE_URL": known.url, "WEB_CONCURRENCY": "2", "PYTHONPATH": str(var)} | more
    with running("serve", var=var, PORT=str(port), **more) as service:
        yield service, port


def listens(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def workers(service: Running) -> set[int]:
    """Return the processes that gunicorn's master has forked."""
    return {pid for each in children(service.process.pid) for pid in children(each)}


def test_before_it_can_answer_nobody_listens(known: Known, var: Path) -> None:
    with slowly(known, var) as (service, port):
        service.wait_for("Booting worker")
        began = time.monotonic()
        assert not listens(port)
        eventually(lambda: listens(port))
        assert time.monotonic() - began > IMPORT_SECONDS / 2
        assert status_of(f"http://127.0.0.1:{port}/health/live") == 200


def test_at_a_reload_the_old_workers_answer_until_the_new_ones_do(known: Known, var: Path) -> None:
    with slowly(known, var) as (service, port):
        platform = begin(service, port, known)
        eventually(lambda: service.output.count("Worker listens") == 2)
        old = workers(service)
        with platform.sending():
            eventually(lambda: len(platform.taken) > 100)
            for _ in range(2):
                service.process.send_signal(signal.SIGHUP)
                time.sleep(0.3)
            eventually(lambda: len(workers(service) - old) == 2 and not workers(service) & old, 30)
            before = len(platform.taken)
            eventually(lambda: len(platform.taken) > before + 100)
        assert service.stop() == 0

    assert platform.slowest < IMPORT_SECONDS / 2
    assert platform.outcomes["refused"] == 0
    assert platform.outcomes["unanswered"] <= 1, platform.outcomes


def test_after_a_workers_death_the_other_answers_until_the_next_can(
    known: Known, var: Path
) -> None:
    with slowly(known, var) as (service, port):
        platform = begin(service, port, known)
        eventually(lambda: service.output.count("Worker listens") == 2)
        old = workers(service)
        with platform.sending():
            eventually(lambda: len(platform.taken) > 100)
            os.kill(min(old), signal.SIGKILL)
            eventually(lambda: service.output.count("Worker listens") == 3)
            before = len(platform.taken)
            eventually(lambda: len(platform.taken) > before + 100)

    assert platform.slowest < IMPORT_SECONDS / 2
    assert platform.outcomes["refused"] == 0


def test_ended_while_it_loads_it_never_listens(known: Known, var: Path) -> None:
    with slowly(known, var) as (service, port):
        service.wait_for("Booting worker")
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 10  # it isn't killed, which takes as long
        assert "Worker listens" not in service.output
        assert not listens(port)


def test_the_port_is_ours_before_anybody_listens(known: Known, var: Path) -> None:
    with slowly(known, var) as (first, port):
        first.wait_for("Booting worker")
        more = {"DATABASE_URL": known.url, "PORT": str(port)}
        with running("serve", var=var, **more) as second:
            assert second.process.wait(20) == 1
            assert "is taken" in second.output
        assert first.process.poll() is None


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_it_listens_on_ipv6(known: Known, var: Path) -> None:
    port = free_port()
    more = {"DATABASE_URL": known.url, "PORT": str(port), "RECEIVER_HOST": "::1"}
    with running("serve", var=var, **more) as service:
        eventually(lambda: listens(port, "::1"), 30)
        with closing(socket.create_connection(("::1", port), timeout=5)) as line:
            line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.1 200")
        assert not listens(port)
        assert service.stop() == 0
