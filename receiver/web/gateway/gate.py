"""How many calls are forwarded at once: a slow platform must not take what hooks need."""

from typing import Final

from receiver.domain.errors import BusyError
from receiver.settings import MEBIBYTE
from receiver.web.body import Intake

#: Per process: calls under way, and the bytes of all their requests.
MOST_CALLS: Final = 64
IN_FLIGHT_BYTES: Final = 64 * MEBIBYTE


class Gate:
    """Lets a number of calls through, and turns away whoever comes past it: nobody waits here."""

    def __init__(self, most: int = MOST_CALLS) -> None:
        self.intake = Intake(IN_FLIGHT_BYTES)
        self._left = most

    def __enter__(self) -> None:
        """Take a place; its block raises BusyError where there is none."""
        if not self._left:
            raise BusyError("too many calls are under way")
        self._left -= 1

    def __exit__(self, *_: object) -> None:
        self._left += 1
