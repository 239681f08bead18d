"""How the commands end, for scripts. Docs: on-call.md has them as one table."""

from enum import IntEnum
from typing import Final

from receiver.domain.blame import Blame


class Exit(IntEnum):
    """The exit codes of all commands."""

    WELL = 0
    """Nothing is wrong: it arrived, it flows, all of it was taken."""
    US = 1
    """The trouble is with us, or the command can't be done; a line on stderr says why."""
    USAGE = 2
    """The command was called wrongly."""
    PLATFORM = 3
    """The trouble is with the platform."""
    BEYOND = 4
    """The trouble is beyond the platform: network, handset or recipient."""
    SENDER = 5
    """The trouble is with whoever sends."""
    OPEN = 6
    """Not decided yet."""
    NOT_FOUND = 7
    """Nobody told us of it."""
    FAULTY = 8
    """What was looked at is faulty: lines that can't be read, a step that failed, a difference."""


#: By where trouble lies.
EXITS: Final = {
    Blame.NONE: Exit.WELL,
    Blame.US: Exit.US,
    Blame.SENDER: Exit.SENDER,
    Blame.PLATFORM: Exit.PLATFORM,
    Blame.NETWORK: Exit.BEYOND,
    Blame.HANDSET: Exit.BEYOND,
    Blame.RECIPIENT: Exit.BEYOND,
}
