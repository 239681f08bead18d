"""Who may come in, as this process knows it: asked of Postgres by one, for all who wait.

Each process holds the whole directory. A thread of its own asks every second whether it has
changed, so a change is in force everywhere within about a second, and no request waits for
Postgres to let in somebody who is known. Only who is unknown makes us ask at once; whoever comes
meanwhile shares the question, so that a flood of guesses is no flood of queries.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import structlog

from receiver.domain.errors import StoreAwayError
from receiver.store.directory import EMPTY, QUESTION_SECONDS, Directory, Version
from receiver.store.points import hash_of
from receiver.web.snapshot import Snapshot

Item = TypeVar("Item")

LOOK_SECONDS: Final = 1.0
#: Between two questions, so that guesses cost at most fifty a second.
GAP_SECONDS: Final = 0.02
#: Where nobody watches, what is older than this is asked for before it is used.
STALE_SECONDS: Final = 5.0
#: So long a failed question answers for those that come after it.
AWAY_SECONDS: Final = 2.0
_END_SECONDS: Final = 5.0

log = structlog.get_logger()


class Reader(Protocol):
    """What the directory is read from."""

    def read(self, known: Version | None) -> tuple[Version, Directory] | None:
        """Return version and directory, None if it is the known one. Raises StoreAwayError."""

    def close(self) -> None:
        """Give back what is held between two questions."""


@dataclass(slots=True, eq=False)
class _Question:
    """One question to Postgres, for all who came before it was asked."""

    answered: threading.Event = field(default_factory=threading.Event)
    error: StoreAwayError | None = field(
        default_factory=lambda: StoreAwayError("the question was not answered")
    )


class Roster:
    """The directory, and one thread that asks for it; started at the first need, after any fork."""

    def __init__(
        self,
        reader: Reader,
        snapshot: Snapshot | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._clock = clock
        self._directory = EMPTY
        self._version: Version | None = None
        self.took_seconds = 0.0
        """How long the last question took."""
        self._known_at = float("-inf")  # on the clock, as is _away_until
        self._away_until = float("-inf")
        self._failed = False
        self._asking = False
        self._watching = False
        self._closing = False
        self._pending: _Question | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """Begin with what the snapshot holds, and look for changes every second from now on."""
        self._watching = True
        self._load()
        with self._changed:
            self._pending = self._pending or _Question()
            self._start()
            self._changed.notify()

    def find(self, pick: Callable[[Directory], Item | None]) -> Item | None:
        """Return what `pick` finds; None is certain. Raises StoreAwayError where nothing is."""
        if pick(self._directory) is None:
            self._ask()
        elif self._is_stale():
            with suppress(StoreAwayError):
                self._ask()
        return pick(self._directory)

    def knows_token(self, text: str) -> bool:
        """Tell whether a text opens a hook, as far as it is known; asks nobody."""
        return hash_of(text) in self._directory.points

    def is_known(self) -> bool:
        """Tell whether anybody can be let in: by an answer, even an empty one, or a snapshot."""
        if not self._is_known and not self._watching:
            with suppress(StoreAwayError):
                self._ask()
        return self._is_known

    @property
    def _is_known(self) -> bool:
        return self._version is not None or bool(self._directory.points)

    def close(self) -> None:
        """End the thread and give back what it holds; the next question starts it again."""
        with self._changed:
            self._closing = True
            self._watching = False
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join(_END_SECONDS)

    def _is_stale(self) -> bool:
        """Tell whether to ask before using what is known: not while somebody does, or just did."""
        old = self._clock() - self._known_at > STALE_SECONDS
        return old and not self._asking and self._pending is None and not self._is_away()

    def _is_away(self) -> bool:
        return self._failed and (self._asking or self._clock() < self._away_until)

    def _ask(self) -> None:
        """Wait for the answer to a question that is asked from now on. Raises StoreAwayError."""
        with self._changed:
            if self._is_away():
                raise StoreAwayError("the database is away")
            question = self._pending = self._pending or _Question()
            self._start()
            self._changed.notify()
        if not question.answered.wait(QUESTION_SECONDS):
            raise StoreAwayError("the database did not answer in time")
        if question.error:
            raise StoreAwayError(str(question.error)) from question.error

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._closing = False
            self._thread = threading.Thread(target=self._run, name="roster", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while question := self._next():
            try:
                self._answer(question)
            except Exception as error:
                self._fail(question, StoreAwayError("the directory can't be read"))
                with suppress(Exception):  # a full disk stops the log, not the roster
                    log.exception("roster_failed", error=type(error).__name__)
            finally:
                self._asking = False
                question.answered.set()
            time.sleep(GAP_SECONDS)
        self._reader.close()
        if self._snapshot:
            self._snapshot.close()

    def _next(self) -> _Question | None:
        """Wait for a question, while we watch for a second at most; None to end."""
        with self._changed:
            if self._pending is None and not self._closing:
                self._changed.wait(LOOK_SECONDS if self._watching else None)
            question, self._pending = self._pending or _Question(), None
            self._asking = not self._closing
            return None if self._closing else question

    def _answer(self, question: _Question) -> None:
        asked_at = self._clock()
        try:
            changed = self._reader.read(self._version)
        except StoreAwayError as error:
            self._fail(question, error)
            return
        finally:
            self.took_seconds = self._clock() - asked_at
        if changed:
            self._version, self._directory = changed
        self._known_at = asked_at
        question.error = None
        if self._failed:
            self._failed = False
            log.info("directory_known_again")
        if self._watching and self._snapshot:
            question.answered.set()  # nobody has to wait for the disk
            self._snapshot.keep(self._directory)

    def _load(self) -> None:
        """Take what a process has kept that could ask Postgres, as long as we never could."""
        if self._watching and self._snapshot and self._version is None:
            taken = self._snapshot.load()
            if taken:
                self._directory = taken.directory

    def _fail(self, question: _Question, error: StoreAwayError) -> None:
        question.error = error
        self._load()
        if not self._failed:
            log.warning("directory_unknown", reason=str(error), points=len(self._directory.points))
        self._failed = True
        self._away_until = self._clock() + AWAY_SECONDS
