"""Every variable of the environment as `receiver.settings.read` asks for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from environs import Env
from marshmallow.validate import OneOf, Range

from receiver.settings import KEEP, ROLES, Settings, read

#: What is allowed where the code says so by a function, in the words of the page.
_WORDS: Final[Mapping[str, str]] = {
    "_postgres_url": "`postgresql://...` or `postgres://...`",
    "_http_url": "an address, `https://...`",
    "_platform_url": "an address, `https://...`",
    "_roles": f"any of {', '.join(f'`{role}`' for role in ROLES)}, with commas",
    "_secret_keys": "32 random bytes in base64, several with commas",
    "_region": "a country in two capitals (ISO 3166)",
    "Length": "an address or a name",
    "bool": "`true`, `false`",
    "path": "a folder",
    "patience": "channels, each with `s`, `m`, `h` or `d`",
    "keep": f"any of {', '.join(f'`{name}`' for name in KEEP)}, each with `d`, or `forever`",
    "place": "a host and a port",
    "str": "a text",
}
_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


@dataclass(frozen=True)
class Variable:
    """One of them: how it is read, and what stands where nobody sets it."""

    name: str
    kind: str
    validate: Any
    field: str = ""
    default: Any = None

    @property
    def allowed(self) -> str:
        """Return the values that it may have, in words."""
        if isinstance(self.validate, Range):
            least, most = shown(self.validate.min), shown(self.validate.max)
            return f"{least} to {most}" if self.validate.max is not None else f"from {least}"
        if isinstance(self.validate, OneOf):
            return ", ".join(f"`{each}`" for each in self.validate.choices)
        name = getattr(self.validate, "__name__", type(self.validate).__name__)
        return _WORDS[self.kind if self.validate is None else name]


class _Asked:
    """An environment that answers with what it is asked for."""

    def add_parser(self, *_: object) -> None:
        """Take a kind of value, of which nothing is to be known."""

    def __getattr__(self, kind: str) -> Callable[..., Variable]:
        return lambda name, _=None, validate=None: Variable(name, kind, validate)


def _variables() -> Mapping[str, Variable]:
    asked = read(cast("Env", _Asked()))
    defaults = vars(Settings()) | {"public_url": "", "var_dir": Settings.var_dir}
    return {
        each.name: Variable(each.name, each.kind, each.validate, field, defaults[field])
        for field, each in asked.items()
        if isinstance(each, Variable)
    }


def shown(value: Any) -> str:
    """Return a value as it is written in the environment."""
    if isinstance(value, timedelta):
        ms = round(value.total_seconds() * 1000)
        unit, length = next((unit, length) for unit, length in _UNITS if ms % length == 0)
        return f"{ms // length}{unit}" if ms else "0"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_kept(name, each)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(value)
    return "" if value is None else str(value)


def _kept(name: str, value: timedelta) -> str:
    return f"{value.days}d" if name in KEEP else shown(value)


VARIABLES: Final = _variables()
