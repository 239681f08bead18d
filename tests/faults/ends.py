"""Faults of the service itself: its processes end, by force or on request."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.processes import eventually
from tests.faults.stages import Scene


@contextmanager
def worker_killed(scene: Scene) -> Iterator[None]:
    """Kill the processes that answer, one after the other; gunicorn forks others."""
    for worker in scene.service.workers:
        os.kill(worker, signal.SIGKILL)
        scene.service.await_whole()
    yield


@contextmanager
def master_killed(scene: Scene) -> Iterator[None]:
    """Kill the process that forks the workers; `receiver serve` starts another."""
    os.kill(scene.service.master, signal.SIGKILL)
    yield
    scene.service.await_whole()


@contextmanager
def stopped(scene: Scene) -> Iterator[None]:
    """Stop the service as an operator does, and start it again."""
    scene.service.stop()
    yield
    scene.service.start()


@contextmanager
def reloaded(scene: Scene) -> Iterator[None]:
    """Let the service take new workers."""
    before = set(scene.service.workers)
    os.kill(scene.service.pid, signal.SIGHUP)
    yield
    eventually(lambda: not before & set(scene.service.workers))
    scene.service.await_whole()


@contextmanager
def started_without_postgres(scene: Scene) -> Iterator[None]:
    """Start a service that has run before, with no server to ask."""
    scene.service.stop()
    with scene.postgres.stopped():
        scene.service.start()
        yield


@contextmanager
def killed_without_postgres(scene: Scene) -> Iterator[None]:
    """Kill all of the service while facts are on disk alone, and start it again."""
    with scene.postgres.stopped():
        eventually(lambda: scene.service.spooled() > 100)
        scene.service.kill()
        scene.service.start()
        yield


@contextmanager
def worker_killed_while_draining(scene: Scene) -> Iterator[None]:
    """Kill both workers as they bring back what a stopped server left on disk."""
    with scene.postgres.stopped():
        yield
    for worker in scene.service.workers:
        os.kill(worker, signal.SIGKILL)
        time.sleep(0.3)
    scene.service.await_whole()
