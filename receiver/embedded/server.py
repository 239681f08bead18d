"""One Postgres server process: made, started, watched, stopped."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

from receiver.domain.errors import SetupError
from receiver.embedded.binaries import programs
from receiver.embedded.leftover import clear_leftover, stop_process
from receiver.embedded.parameters import command_line, initdb_arguments, write_access
from receiver.embedded.place import DATABASE, SOCKET_NAME, Place, make_socket_folder
from receiver.store.database import check_durable

#: Crash recovery after a hard stop replays up to max_wal_size.
START_LIMIT_SECONDS: Final = 300.0
LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024

#: Nothing of the caller's environment: PGPORT and its like would reach the server.
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Server:
    """The server of one place, as a child of ours. Only the lock's holder makes one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the number of the process, 0 before the first start."""
        return self._process.pid if self._process else 0

    def alive(self) -> bool:
        """Say whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, stopping: Callable[[], bool] = lambda: False) -> None:
        """Bring the server up, with its data folder and database, and wait until it answers.

        Raises:
            SetupError: it can't be made or doesn't come up; the sentence holds its last word.

        """
        with _disk_faults(self._place):
            folder = programs(self._place)
            _make_data(self._place, folder / "initdb")
            clear_leftover(self._place)
            make_socket_folder(self._place)
            write_access(self._place)
            self._process = _launch(self._place, folder / "postgres")
        try:
            self._await_answer(stopping)
            _make_database(self._place)
        except BaseException:
            self.stop()
            raise
        self._place.write_note(pid=self.pid)

    def stop(self) -> None:
        """Stop fast: sessions end, what is committed stays. Without answer harder, still safe."""
        if self._process is not None:
            stop_process(self._process.pid, self.alive)
            with suppress(OSError):  # under /tmp nothing of ours stays; it is made anew
                self._place.socket.rmdir()

    def _await_answer(self, stopping: Callable[[], bool]) -> None:
        until = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < until and not stopping():
            if not self.alive():
                raise SetupError(f"Postgres did not start: {_last_words(self._place.log)}")
            if _ready(self._place):
                return
            time.sleep(0.03)
        raise SetupError(f"Postgres was not ready in time: see {self._place.log}")


def answers(folder: Path) -> bool:
    """Say whether a server listens on the socket in `folder`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(folder / SOCKET_NAME))
        except OSError:
            return False
    return True


def _make_data(place: Place, initdb: Path) -> None:
    if place.data.exists():
        _check_version(place)
        return
    # Made aside and renamed: a run cut short leaves no half-made data folder.
    fresh = place.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    place.account.give(fresh)
    done = subprocess.run(  # noqa: S603
        [str(initdb), *initdb_arguments(fresh)],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        start_new_session=True,
        **place.account.process_arguments,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SetupError(f"initdb failed in {fresh}: {said}")
    fresh.rename(place.data)


def _check_version(place: Place) -> None:
    found = (place.data / "PG_VERSION").read_text().strip()
    if found != "18":
        raise SetupError(
            f"{place.data} was made by Postgres {found}, this is 18: dump and load it anew"
        )


def _launch(place: Place, postgres: Path) -> subprocess.Popen[bytes]:
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT_BYTES:
        place.log.replace(place.log.with_suffix(".log.1"))
    with place.log.open("ab") as log:
        os.fchmod(log.fileno(), 0o600)
        # A session of its own: Ctrl-C in the terminal must not stop it before its clients.
        return subprocess.Popen(  # noqa: S603
            [str(postgres), *command_line(place)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,
            **place.account.process_arguments,
        )


def _ready(place: Place) -> bool:
    if not answers(place.socket):
        return False
    try:
        psycopg.connect(place.url_of("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(place: Place) -> None:
    with psycopg.connect(place.url_of("postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
    with psycopg.connect(place.url) as connection:
        check_durable(connection)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-20:]
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return f"{(fatal or lines or ['it said nothing'])[-1]} (see {log})"


@contextmanager
def _disk_faults(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"can't prepare Postgres in {place.home} ({error.strerror}: {error.filename}): "
            "make it writable, or set RECEIVER_VAR"
        ) from error
