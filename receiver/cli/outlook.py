"""What `receiver serve` says of the state it starts in, and what that means for notifications."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from receiver.cli.database import check
from receiver.domain.errors import SetupError, StoreAwayError
from receiver.inbox.spool.disk import make_folder
from receiver.settings import Settings
from receiver.store import schema
from receiver.web.snapshot import Snapshot


def outlook(settings: Settings, url: str) -> Iterator[str]:
    """Yield the sentences that an operator should read; none where all is well.

    Raises:
        SetupError: the database would lose what it commits. That is for a person to mend.

    """
    fault = _fault(url)
    way = _way(settings)
    if fault is None:
        if way is not None:
            yield f"{way}: without the database notifications would be answered 503"
        return
    yield fault
    if way is None:
        yield f"until then notifications go to the spool at {settings.spool_dir}"
    else:
        yield f"until then notifications are answered 503, as {way}"
    yield _known(Snapshot(settings.var_dir, settings.secret_keys))


def _fault(url: str) -> str | None:
    """Return what keeps facts from the database, None where nothing does."""
    try:
        check(url)
    except StoreAwayError as error:
        return f"{error}: start it, or correct DATABASE_URL"
    try:
        schema.require_current(url)
    except (SetupError, StoreAwayError) as error:
        return str(error)
    return None


def _way(settings: Settings) -> str | None:
    """Return what keeps facts from the spool, None where nothing does."""
    folder = settings.spool_dir
    if folder is None:
        return "there is no spool (RECEIVER_SPOOL)"
    try:
        _try_out(folder)
    except OSError as error:
        return f"the spool at {folder} can't be written ({error.strerror})"
    return None


def _try_out(folder: Path) -> None:
    make_folder(folder)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0")


def _known(snapshot: Snapshot) -> str:
    taken = snapshot.load()
    if taken is None or not taken.directory.points:
        return f"no hook token is known, as {snapshot.file} holds none: all are answered 503"
    count, at = len(taken.directory.points), f"{taken.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{count} hook tokens are known, as of {at}; all others are answered 503"
