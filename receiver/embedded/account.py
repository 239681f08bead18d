"""The system user that the embedded Postgres runs as: never root, which Postgres refuses."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from receiver.domain.errors import SetupError

#: Made with useradd where we are root and the data have no owner yet.
MADE_NAME: Final = "receiver-postgres"


@dataclass(frozen=True)
class Account:
    """A system user; `other` where it isn't the one we run as."""

    name: str
    uid: int
    gid: int

    @property
    def other(self) -> bool:
        """Say whether a process has to change its user to become this one."""
        return self.uid != os.geteuid()

    @property
    def process_arguments(self) -> dict[str, Any]:
        """Return what makes subprocess start a program as this user."""
        if not self.other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make `path` this user's own, closed to everybody else."""
        path.chmod(0o700)
        if self.other:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Say whether this user can work in `folder`: every folder above has to let it pass."""
        command = ["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", str(folder)]
        return _succeeds(command, self)

    def runs(self, program: Path) -> bool:
        """Say whether this user can start `program`."""
        return _succeeds([str(program), "--version"], self)

    @classmethod
    def of_uid(cls, uid: int) -> Self:
        """Return the user with this number.

        Raises:
            SetupError: the system knows none; Postgres refuses to run without a name.

        """
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise SetupError(
                f"user {uid} has no entry in /etc/passwd: add one, or set DATABASE_URL"
            ) from None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @classmethod
    def for_data(cls, data: Path) -> Self:
        """Return who runs the server on `data`: its owner, else ourselves or a user made for it.

        Raises:
            SetupError: the data are somebody else's, or no user can be made.

        """
        me = os.geteuid()
        owner = data.stat().st_uid if data.exists() else me
        if me not in {0, owner}:
            raise SetupError(
                f"{data} belongs to user {owner}: run as that user, or set RECEIVER_VAR"
            )
        return cls.of_uid(owner) if owner else cls._made()

    @classmethod
    def _made(cls) -> Self:
        try:
            entry = pwd.getpwnam(MADE_NAME)
        except KeyError:
            _make_user()
            entry = pwd.getpwnam(MADE_NAME)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make_user() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", MADE_NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"Postgres doesn't run as root, and the user {MADE_NAME} can't be made: "
            "run as an ordinary user, add that user, or set DATABASE_URL"
        ) from error


def _succeeds(command: list[str], account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            command, check=False, capture_output=True, cwd="/", **account.process_arguments
        )
    except OSError:
        return False
    return done.returncode == 0
