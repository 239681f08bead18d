"""A real Postgres of our own under var/, for machines that have none.

Whoever comes first owns the server: holds the lock, starts it, starts it again if it dies, and
stops it when leaving. Everybody else finds it through `<var>/postgres.json`; when its owner has
left, the next long-lived process that uses it becomes the owner.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.domain.errors import SetupError
from receiver.embedded.keeper import Keeper
from receiver.embedded.place import find_place, read_note
from receiver.embedded.server import answers
from receiver.settings import Settings


def database_url(settings: Settings) -> str:
    """Return DATABASE_URL, else the address of the embedded server that is running.

    Raises:
        SetupError: there is neither.

    """
    if settings.database_url:
        return settings.database_url
    note = read_note(settings.var_dir)
    if note is None or not answers(Path(note.socket)):
        raise SetupError("no database: start `make run`, or set DATABASE_URL")
    return note.url


def data_folder(settings: Settings) -> Path | None:
    """Return where the embedded server keeps its data, or None where it isn't used."""
    if settings.database_url:
        return None
    note = read_note(settings.var_dir)
    return Path(note.data) if note else None


@contextmanager
def running(settings: Settings, *, announce: Callable[[str], None] = print) -> Iterator[str]:
    """Yield the address of a database that is there as long as the context lasts.

    `announce` takes the sentences a person should see, such as where the data went.

    Raises:
        SetupError: the embedded server can't be started.

    """
    if settings.database_url:
        yield settings.database_url
        return
    keeper = Keeper(find_place(settings.var_dir, announce=announce))
    try:
        keeper.begin()
        yield keeper.url
    finally:
        keeper.end()
