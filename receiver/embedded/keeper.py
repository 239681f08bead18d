"""Who owns the embedded server, and how it is kept running."""

import fcntl
import os
import threading
import time
from typing import IO, Final

import structlog

from receiver.domain.errors import ReceiverError, SetupError
from receiver.embedded.place import Place
from receiver.embedded.server import Server, answers

LOOK_SECONDS: Final = 0.3
WAIT_FOR_OWNER_SECONDS: Final = 60.0
LONGEST_BACKOFF_SECONDS: Final = 30.0

logger = structlog.get_logger()


class Keeper:
    """Keeps the server of a place running: owns it, or takes over when its owner has left."""

    def __init__(self, place: Place) -> None:
        self.url = place.url
        self._place = place
        self._lock: IO[bytes] | None = None
        self._server = Server(place)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="postgres-keeper", daemon=True)

    def begin(self) -> None:
        """Return once the server answers, ours or another owner's.

        Raises:
            SetupError: it doesn't.

        """
        until = time.monotonic() + WAIT_FOR_OWNER_SECONDS
        while not self._own():
            if answers(self._place.socket):
                break
            if time.monotonic() > until:
                raise SetupError(
                    f"the owner of {self._place.lock} doesn't start Postgres: stop it first"
                )
            time.sleep(0.1)
        self._thread.start()

    def end(self) -> None:
        """Stop the server if it is ours, and let others own it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._lock is not None:
            self._server.stop()
            self._lock.close()
            self._lock = None

    def _own(self) -> bool:
        lock = _take(self._place)
        if lock is None:
            return False
        self._lock = lock
        self._server.start(stopping=self._stopping.is_set)
        return True

    def _tend(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.wait(wait):
            try:
                wait = LOOK_SECONDS if self._look() else min(wait * 2, LONGEST_BACKOFF_SECONDS)
            except ReceiverError as error:
                logger.error("postgres_not_started", reason=str(error))  # noqa: TRY400
                wait = min(wait * 2, LONGEST_BACKOFF_SECONDS)

    def _look(self) -> bool:
        """Do what is needed; False where the server had to be started, so the next look waits."""
        if self._lock is None:
            return not self._own()
        if self._server.alive():
            return True
        logger.warning("postgres_died", restarting=True)
        self._server.start(stopping=self._stopping.is_set)
        return False


def _take(place: Place) -> IO[bytes] | None:
    try:
        file = place.lock.open("ab")
        if os.geteuid() == 0:
            os.fchown(file.fileno(), *_owner(place))
        os.fchmod(file.fileno(), 0o600)
    except OSError as error:
        raise SetupError(
            f"can't open {place.lock} ({error.strerror}): make it yours, or set RECEIVER_VAR"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _owner(place: Place) -> tuple[int, int]:
    found = place.home.stat()
    return found.st_uid, found.st_gid
