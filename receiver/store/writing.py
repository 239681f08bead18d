"""Sessions that write, each for as short as it can be."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.store.reading import asking


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a session whose work is committed at its end, or undone where that fails.

    Raises: StoreAwayError where Postgres can't be reached, is too slow, or the pool is empty.
    """
    with asking(), Session(engine) as session, session.begin():
        yield session
