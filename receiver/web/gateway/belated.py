"""Facts of the gateway that nothing takes for now, held in memory until something does.

Where there is a spool it takes them, and nothing comes here. Where there is none, a call is
forwarded all the same while Postgres is away; what it came to would be lost else.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from receiver.domain.errors import SpoolError, StoreAwayError
from receiver.domain.facts import Fact
from receiver.settings import MEBIBYTE
from receiver.store.batch import raw_bytes

MOST_EXCHANGES: Final = 5_000
MOST_BYTES: Final = 32 * MEBIBYTE
#: Between two attempts.
REST_SECONDS: Final = 2.0

log = structlog.get_logger()


class Belated:
    """Holds what each exchange came to, the oldest first, and tries again and again."""

    def __init__(
        self, put: Callable[[Sequence[Fact]], object], *, rest_seconds: float = REST_SECONDS
    ) -> None:
        self._put = put
        self._rest_seconds = rest_seconds
        self._held: deque[Sequence[Fact]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def hold(self, facts: Sequence[Fact]) -> bool:
        """Take facts until they are durable; False where there is no room for them."""
        size = raw_bytes(facts)
        with self._lock:
            if len(self._held) >= MOST_EXCHANGES or self._bytes + size > MOST_BYTES:
                return False
            self._held.append(facts)
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="belated", daemon=True)
                self._thread.start()
        return True

    def close(self) -> None:
        """Try no more."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(self._rest_seconds):
            while self._try():
                pass
            with self._lock:
                if not self._held:
                    self._thread = None
                    return

    def _try(self) -> bool:
        """Put the oldest; tell whether there may be another whose turn it is."""
        if not self._held:
            return False
        facts = self._held[0]
        try:
            self._put(facts)
        except (StoreAwayError, SpoolError):
            return False
        except Exception as error:
            log.exception("exchange_unrecorded", error=type(error).__name__)
        with self._lock:
            self._bytes -= raw_bytes(self._held.popleft())
        return True
