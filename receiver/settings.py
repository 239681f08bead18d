"""What the environment decides, read once at start; config/example.env documents every name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

import psycopg
from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import Length, OneOf, Range
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from receiver.domain.errors import SetupError

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the environment decides. Secrets stay out of its repr."""

    database_url: str = field(default="", repr=False)  # empty: the embedded Postgres under var_dir
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""  # what the platform calls, without a trailing slash
    var_dir: Path = Path("var")
    web_concurrency: int = 2
    store_deadline: timedelta = timedelta(seconds=8)  # the platform hangs up after 10 s
    max_body_bytes: int = 48 * MEBIBYTE
    reply_window: timedelta = timedelta(hours=72)
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        public_url = self.public_url or f"http://127.0.0.1:{self.port}"
        object.__setattr__(self, "public_url", public_url.rstrip("/"))
        object.__setattr__(self, "var_dir", self.var_dir.absolute())

    @property
    def base_url(self) -> str:
        """Return where the service answers on this machine."""
        host = "127.0.0.1" if self.host in {"", "0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @classmethod
    def from_environ(cls) -> Self:
        """Read the environment.

        Raises:
            SetupError: names every variable that can't be read, and never a value.

        """
        env = Env(eager=False)
        values = read(env)
        try:
            env.seal()
        except EnvValidationError as error:
            faults = cast(Mapping[str, Any], error.error_messages)
            raise SetupError(_sentence(faults)) from None
        return cls(**values)


def read(env: Env) -> dict[str, Any]:
    """Read every setting from `env`; what is wrong waits in it until `env.seal()`."""
    return {
        "database_url": env.str("DATABASE_URL", "", validate=_postgres_url),
        "host": env.str("RECEIVER_HOST", Settings.host, validate=Length(min=1)),
        "port": env.int("PORT", Settings.port, validate=Range(1, 65535)),
        "public_url": env.str("RECEIVER_PUBLIC_URL", "", validate=_http_url),
        "var_dir": env.path("RECEIVER_VAR", Settings.var_dir),
        "web_concurrency": env.int(
            "WEB_CONCURRENCY", Settings.web_concurrency, validate=Range(1, 64)
        ),
        "store_deadline": env.timedelta(
            "RECEIVER_STORE_DEADLINE",
            Settings.store_deadline,
            validate=Range(timedelta(milliseconds=100), timedelta(minutes=1)),
        ),
        "max_body_bytes": env.int(
            "RECEIVER_MAX_BODY_BYTES",
            Settings.max_body_bytes,
            validate=Range(1024, 1024 * MEBIBYTE),
        ),
        "reply_window": env.timedelta(
            "RECEIVER_REPLY_WINDOW", Settings.reply_window, validate=Range(timedelta(0))
        ),
        "log_level": env.str("RECEIVER_LOG_LEVEL", Settings.log_level, validate=OneOf(LOG_LEVELS)),
    }


def _postgres_url(value: str) -> None:
    if value and not value.startswith(("postgresql://", "postgres://")):
        raise ValidationError("must begin with postgresql:// or postgres://")
    try:  # both read it later, and each refuses what the other takes
        conninfo_to_dict(value)
        make_url(value or "postgresql://")
    except (psycopg.Error, ArgumentError, ValueError):
        raise ValidationError(
            "can't be read: percent-encode odd characters in user and password"
        ) from None


def _http_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if value and not good:
        raise ValidationError("must be the public address, like https://hooks.example.org")


def _sentence(faults: Mapping[str, Any]) -> str:
    said = "; ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in faults.items())
    return f"bad settings: {said} (see config/example.env)"
