"""The Procfile's lines: `receiver migrate`, `serve` and `worker`, each alone."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.cli.processes import (
    eventually,
    free_port,
    processes_naming,
    receiver,
    running,
    status_of,
)


def test_serve_starts_without_a_schema_and_names_the_cure(var: Path) -> None:
    port = free_port()
    with running("serve", var=var, PORT=str(port)) as command:
        eventually(lambda: status_of(f"http://127.0.0.1:{port}/health/live") == 200, 20)
        assert "receiver: the database has no tables yet: run `receiver migrate`" in command.output
        assert "no hook token is known" in command.output
        assert status_of(f"http://127.0.0.1:{port}/hooks/any") == 503
        assert receiver("migrate", var=var).returncode == 0
        eventually(lambda: status_of(f"http://127.0.0.1:{port}/hooks/any") == 404)
        assert command.stop() == 0


def test_serve_reloads_on_sighup_and_ends_on_sigterm(
    var: Path, make_database: Callable[[], str]
) -> None:
    port = free_port()
    live = f"http://127.0.0.1:{port}/health/live"
    with running("serve", var=var, PORT=str(port), DATABASE_URL=make_database()) as command:
        eventually(lambda: status_of(live) == 200)
        command.process.send_signal(signal.SIGHUP)
        command.wait_for("Hang up")
        eventually(lambda: command.output.count("Booting worker") > 1)
        eventually(lambda: status_of(live) == 200)
        assert command.stop() == 0
        assert not processes_naming(f"RECEIVER_VAR={var}")


def test_of_two_workers_one_works_until_it_goes(
    var: Path, make_database: Callable[[], str]
) -> None:
    url = make_database()
    with running("worker", var=var, DATABASE_URL=url) as first:
        first.wait_for("worker_works")
        with running("worker", var=var, DATABASE_URL=url) as second:
            second.wait_for("worker_waits")
            assert first.stop(seconds=2) == 0
            second.wait_for("worker_works")
            assert second.stop(seconds=2) == 0


def test_worker_outlives_a_database_that_is_away(var: Path) -> None:
    away = "postgresql://127.0.0.1:1/receiver"
    with running("worker", var=var, DATABASE_URL=away) as command:
        eventually(lambda: command.output.count("worker_interrupted") > 1)
        assert command.process.poll() is None
        assert command.stop(seconds=2) == 0
