"""How to reach the running service: `<var>/receiver.json`, which `receiver run` writes."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from receiver.embedded.place import write_private
from receiver.settings import Settings

FILE: Final = "receiver.json"


@dataclass(frozen=True, kw_only=True)
class Entrance:
    """What receiver.json holds.

    `postgres_data` is None where DATABASE_URL is used, `sandbox_url` where no sandbox runs.
    """

    base_url: str
    hook_url: str
    api_key: str = field(repr=False)
    postgres_data: str | None
    sandbox_url: str | None = None


def read(var: Path) -> Entrance | None:
    """Return what receiver.json says, or None where there is none that can be read."""
    try:
        return Entrance(**json.loads((var / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(var: Path, entrance: Entrance) -> None:
    """Replace receiver.json, readable by var's owner alone."""
    write_private(var / FILE, json.dumps(asdict(entrance), indent=2) + "\n")


def hook_url(public_url: str, token: str) -> str:
    """Return what to enter at the platform."""
    return f"{public_url}/hooks/{token}"


def public_url(settings: Settings) -> str:
    """Return the setting, or where none is set what the running service was started with."""
    known = read(settings.var_dir)
    if known is None or settings.public_url != Settings(port=settings.port).public_url:
        return settings.public_url
    return known.hook_url.rpartition("/hooks/")[0]
