"""Where an embedded Postgres lives: data, socket, log, lock, and the note that tells others."""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from receiver.domain.errors import SetupError
from receiver.embedded.account import Account

DATABASE: Final = "receiver"
ROLE: Final = "receiver"

#: sun_path holds 108 bytes on Linux and 104 on macOS, the socket's own name included.
SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT_BYTES: Final = 100

#: For root: where data go that the server's user can't reach under var.
AWAY: Final = Path("/var/lib")

NOTE: Final = "postgres.json"


@dataclass(frozen=True)
class Note:
    """What `<var>/postgres.json` remembers."""

    var: str
    home: str
    data: str
    socket: str
    url: str
    pid: int


@dataclass(frozen=True)
class Place:
    """The folders of one embedded Postgres; `home` is `var`, or a folder away from it."""

    var: Path
    home: Path
    account: Account

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self.home / "postgres"

    @property
    def lock(self) -> Path:
        """Return the file whose lock makes its holder the owner."""
        return self.home / "postgres.lock"

    @property
    def log(self) -> Path:
        """Return the server's log."""
        return self.var / "postgres.log"

    @property
    def socket(self) -> Path:
        """Return the socket's folder; a short one under /tmp where home's path is too long."""
        folder = self.home / "socket"
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT_BYTES:
            return folder
        return Path("/tmp") / f"receiver-{self.account.uid}-{_mark(self.home)}"  # noqa: S108

    @property
    def url(self) -> str:
        """Return the address of the database in it."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of one database; port and user override PGPORT and PGUSER."""
        query = urlencode({"host": str(self.socket), "port": 5432, "user": ROLE})
        return f"postgresql:///{database}?{query}"

    def write_note(self, *, pid: int) -> None:
        """Tell others where the server is, and ourselves next time."""
        note = Note(
            var=str(self.var),
            home=str(self.home),
            data=str(self.data),
            socket=str(self.socket),
            url=self.url,
            pid=pid,
        )
        write_private(self.var / NOTE, json.dumps(asdict(note), indent=2) + "\n")


def read_note(var: Path) -> Note | None:
    """Return what `<var>/postgres.json` says, or None where there is none that can be read."""
    try:
        return Note(**json.loads((var / NOTE).read_text()))
    except PermissionError:
        raise SetupError(
            f"{var / NOTE} is somebody else's: run as that user, or set RECEIVER_VAR"
        ) from None
    except (OSError, ValueError, TypeError):
        return None


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by var's owner alone."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    _give_to_owner_of(path.parent, fresh)
    fresh.replace(path)


def find_place(var: Path, *, announce: Callable[[str], None]) -> Place:
    """Return where the server of `var` lives, or will.

    Raises:
        SetupError: no folder is both writable for us and reachable for the server's user.

    """
    make_var(var)
    home = _remembered_home(var) or var
    account = Account.for_data(home / "postgres")
    if _fits(home, account):
        return Place(var, home, account)
    if (home / "postgres").exists():
        raise SetupError(
            f"user {account.name} can't reach {home}: open the folders above it (chmod o+x)"
        )
    away = AWAY / f"receiver-{_mark(var)}"
    _make_away(away, var, account)
    announce(f"Postgres keeps its data in {away}: user {account.name} can't reach {var}")
    return Place(var, away, Account.for_data(away / "postgres"))


def make_var(var: Path) -> None:
    """Make the folder for local state.

    Raises:
        SetupError: it can't be made or written to.

    """
    try:
        var.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=var):
            pass
    except OSError as error:
        raise SetupError(
            f"can't write to {var} ({error.strerror}): make it writable, or set RECEIVER_VAR"
        ) from error


def make_socket_folder(place: Place) -> None:
    """Make the socket's folder, private to the server's user.

    Raises:
        SetupError: somebody else has put something there.

    """
    folder = place.socket
    try:
        folder.mkdir(mode=0o700)
        place.account.give(folder)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.account.uid:
            raise SetupError(f"{folder} is in the way of the server's socket: remove it") from None
        folder.chmod(0o700)


def _remembered_home(var: Path) -> Path | None:
    note = read_note(var)
    if note is None or note.home == note.var:
        return None
    # A var that was moved takes its data along; a copy of one that is still there doesn't.
    copied = Path(note.var) != var and (Path(note.var) / NOTE).exists()
    home = Path(note.home)
    return home if home.exists() and not copied else None


def _fits(home: Path, account: Account) -> bool:
    if not account.other:
        return True
    data = home / "postgres"
    if data.exists():
        return account.reaches(data)
    with tempfile.TemporaryDirectory(dir=home) as probe:
        try:
            account.give(Path(probe))
        except OSError:
            return False
        return account.reaches(Path(probe))


def _make_away(away: Path, var: Path, account: Account) -> None:
    try:
        away.mkdir(mode=0o711, exist_ok=True)
        away.chmod(0o711)
    except OSError as error:
        raise SetupError(
            f"user {account.name} can't reach {var}: set RECEIVER_VAR to a folder it can"
        ) from error


def _give_to_owner_of(folder: Path, path: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _mark(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
