"""Faults of Postgres: it ends, does nothing, refuses, or has no room."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import disks
from tests.faults.stages import Scene


@contextmanager
def killed(scene: Scene) -> Iterator[None]:
    """Kill the postmaster; its backends follow, and the next start recovers from the log."""
    scene.postgres.kill()
    yield
    scene.postgres.start()


@contextmanager
def stopped(scene: Scene) -> Iterator[None]:
    """Shut the server down, and start it again."""
    with scene.postgres.stopped():
        yield


@contextmanager
def paused(scene: Scene) -> Iterator[None]:
    """Let no process of the server do anything: connections stay, answers don't come."""
    with scene.postgres.paused([scene.postgres.postmaster, *scene.postgres.backends]):
        yield


@contextmanager
def backends_paused(scene: Scene) -> Iterator[None]:
    """Pause what is there: new connections are served."""
    with scene.postgres.paused(scene.postgres.backends):
        yield


@contextmanager
def postmaster_paused(scene: Scene) -> Iterator[None]:
    """Pause what forks: connections that are there are served, new ones wait."""
    with scene.postgres.paused([scene.postgres.postmaster]):
        yield


@contextmanager
def read_only(scene: Scene) -> Iterator[None]:
    """Refuse every write, as a server does whose operator has found its disk nearly full."""
    _alter(scene, "SET default_transaction_read_only = on")
    try:
        yield
    finally:
        _alter(scene, "RESET default_transaction_read_only")


@contextmanager
def disk_full(scene: Scene) -> Iterator[None]:
    """Leave the server no byte, for tables and log alike; it may not survive that."""
    assert scene.disk is not None
    with disks.filled(scene.disk):
        yield
    scene.postgres.start()


@contextmanager
def no_room_at_all(scene: Scene) -> Iterator[None]:
    """Stop the server until the spool has no room either."""
    with scene.postgres.stopped():
        yield


def _alter(scene: Scene, change: str) -> None:
    scene.postgres.run(f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()")
