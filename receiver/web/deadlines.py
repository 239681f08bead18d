"""Deadlines on what waits for a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import gevent

from receiver.domain.errors import StoreAwayError

#: How long a question to Postgres may take where an answer can do without it, or must be quick.
QUESTION_SECONDS: Final = 2.0
_LATE: Final = "the database did not answer in time"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise StoreAwayError where the block has not ended after `seconds`.

    So does whatever else it raises from then on: a driver that is interrupted may stumble over its
    own cleaning up. Other timeouts, and the end of the greenlet, are not ours to rename.
    """
    timeout = gevent.Timeout.start_new(seconds)
    try:
        yield
    except gevent.Timeout as ended:
        if ended is not timeout:
            raise
        raise StoreAwayError(_LATE) from None
    except Exception as error:
        if timeout.pending:
            raise
        raise StoreAwayError(_LATE) from error
    finally:
        timeout.close()
