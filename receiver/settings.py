"""What the environment decides, read once at start; docs/settings.md has every name."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, cast
from urllib.parse import urlsplit

import psycopg
from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import Length, OneOf, Range
from phonenumbers import SUPPORTED_REGIONS
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from receiver.domain.errors import BadInputError, SetupError
from receiver.platform.calling import checked_url
from receiver.sealing import Sealer, key_from

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
MEBIBYTE: Final = 1024 * 1024
#: Bodies that are being read or wait for their commit, per process: none can be larger.
IN_FLIGHT_BYTES: Final = 256 * MEBIBYTE
#: What a serving process can be there for; health, metrics and the documents are in each.
ROLES: Final = ("hooks", "api", "gateway")
MOST_QUESTIONS: Final = 600
MOST_PORT: Final = 65_535
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
#: By channel, how long after its request a send without an outcome becomes overdue. Apple's and
#: mail over SMTP have none, as Submitted is their last word; nor has what may never be reported.
PATIENCE: Final[Mapping[str, timedelta]] = {
    "sms": timedelta(hours=24),
    "mms": timedelta(hours=24),
    "whatsapp": timedelta(hours=24),
    "rcs": timedelta(hours=24),
    "voice": timedelta(hours=2),
}
#: How long what is kept, in whole days; None is for ever. The ledger for a year and a month, so
#: that each month can be laid beside itself a year ago; what nobody could read for as long as
#: somebody may come to mend and replay it; who did what for longer than what it was done to.
KEEP: Final[Mapping[str, timedelta | None]] = {
    "deliveries": timedelta(days=400),
    "receipts": timedelta(days=400),
    "messages": timedelta(days=400),
    "events": timedelta(days=400),
    "quarantine": timedelta(days=90),
    "audit": timedelta(days=1100),
}
#: Variables by which platforms tell that they run us, whose disk is lost with the process.
EPHEMERAL: Final = ("DYNO", "K_SERVICE", "VCAP_APPLICATION", "RENDER")


class Place(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the environment decides. Secrets stay out of its repr."""

    database_url: str = field(default="", repr=False)  # empty: the embedded Postgres under var_dir
    host: str = "127.0.0.1"
    port: int = 8080
    operations: Place | None = None  # health and metrics without a key, and nothing else
    worker_operations: Place | None = None  # of `receiver worker`
    public_url: str = ""  # what the platform calls, without a trailing slash
    var_dir: Path = Path("var")
    roles: Sequence[str] = ROLES
    web_concurrency: int = 2
    trusted_proxies: int = 0  # of our own, one before the other, between the platform and us
    store_budget: timedelta = timedelta(seconds=2)  # past it, a fact goes to the spool
    store_deadline: timedelta = timedelta(seconds=8)  # the platform hangs up after 10 s
    spool: str = ""  # a folder, or off; empty: <var>/spool, if the disk outlives the process
    disk_lasts: bool = True
    spool_max_bytes: int = 2048 * MEBIBYTE
    spool_kept: timedelta = timedelta(hours=1)  # segments that are applied, for a failover
    secret_keys: Sequence[str] = field(default=(), repr=False)  # the first one seals
    max_body_bytes: int = 48 * MEBIBYTE
    reply_window: timedelta = timedelta(hours=72)
    silence: timedelta = timedelta(minutes=15)  # without a receipt, while some are waited for
    patience: Mapping[str, timedelta] = field(default_factory=lambda: dict(PATIENCE))
    keep: Mapping[str, timedelta | None] = field(default_factory=lambda: dict(KEEP))
    reconcile: int = 0  # questions a minute to the platform about what is overdue; 0: none
    platform_url: str = ""  # of points that name none
    platform_private: bool = False  # whether it may be at an address of a private network
    platform_deadline: timedelta = timedelta(seconds=9)  # for all of an answer to the gateway
    region: str = ""  # ISO 3166: in which numbers are sought that name no country
    sandbox_host: str = "127.0.0.1"
    sandbox_port: int = 0  # 0: the one after ours
    sandbox_retry: timedelta = timedelta(minutes=1)  # until a notification comes again
    sandbox_notify_url: str = field(default="", repr=False)  # of its service
    sandbox_secret: str = field(default="", repr=False)  # signs notifications
    sandbox_public: bool = False  # whether it may notify public addresses
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        public_url = self.public_url or f"http://127.0.0.1:{self.port}"
        object.__setattr__(self, "public_url", public_url.rstrip("/"))
        object.__setattr__(self, "var_dir", self.var_dir.absolute())
        object.__setattr__(self, "roles", tuple(self.roles))
        object.__setattr__(self, "secret_keys", tuple(self.secret_keys))

    @property
    def spool_dir(self) -> Path | None:
        """Return where facts wait while Postgres is away; None where nothing may be kept."""
        if self.spool == "off" or (not self.spool and not self.disk_lasts):
            return None
        return Path(self.spool).absolute() if self.spool else self.var_dir / "spool"

    @property
    def base_url(self) -> str:
        """Return where the service answers on this machine."""
        host = "127.0.0.1" if self.host in {"", "0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{Place(host, self.port)}"

    def sealer(self) -> Sealer:
        """Return what seals secrets that lie in Postgres, where they outlive this disk.

        Raises: SetupError where the key can't be had, or would not outlive it.
        """
        return Sealer.of(self.secret_keys, self.var_dir, disk_lasts=self.disk_lasts)

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
    env.add_parser("patience", _patience)
    env.add_parser("keep", _keep)
    env.add_parser("place", _place)
    return {
        "database_url": env.str("DATABASE_URL", "", validate=_postgres_url),
        "host": env.str("RECEIVER_HOST", Settings.host, validate=Length(min=1)),
        "port": env.int("PORT", Settings.port, validate=Range(1, MOST_PORT)),
        "operations": env.place("RECEIVER_OPERATIONS", None),
        "worker_operations": env.place("RECEIVER_WORKER_OPERATIONS", None),
        "public_url": env.str("RECEIVER_PUBLIC_URL", "", validate=_http_url),
        "var_dir": env.path("RECEIVER_VAR", Settings.var_dir),
        "roles": env.list("RECEIVER_ROLES", list(ROLES), validate=_roles),
        "web_concurrency": env.int(
            "WEB_CONCURRENCY", Settings.web_concurrency, validate=Range(1, 64)
        ),
        "trusted_proxies": env.int(
            "RECEIVER_TRUSTED_PROXIES", Settings.trusted_proxies, validate=Range(0, 10)
        ),
        "store_budget": env.timedelta(
            "RECEIVER_STORE_BUDGET",
            Settings.store_budget,
            validate=Range(timedelta(milliseconds=10), timedelta(seconds=5)),
        ),
        "store_deadline": env.timedelta(
            "RECEIVER_STORE_DEADLINE",
            Settings.store_deadline,
            validate=Range(timedelta(milliseconds=100), timedelta(minutes=1)),
        ),
        "spool": env.str("RECEIVER_SPOOL", Settings.spool),
        "disk_lasts": not any(name in os.environ for name in EPHEMERAL),
        "spool_max_bytes": env.int(
            "RECEIVER_SPOOL_MAX_BYTES", Settings.spool_max_bytes, validate=Range(MEBIBYTE)
        ),
        "spool_kept": env.timedelta(
            "RECEIVER_SPOOL_KEPT", Settings.spool_kept, validate=Range(timedelta(0))
        ),
        "secret_keys": env.list("RECEIVER_SECRET_KEYS", [], validate=_secret_keys),
        "max_body_bytes": env.int(
            "RECEIVER_MAX_BODY_BYTES",
            Settings.max_body_bytes,
            validate=Range(1024, IN_FLIGHT_BYTES),
        ),
        "reply_window": env.timedelta(
            "RECEIVER_REPLY_WINDOW", Settings.reply_window, validate=Range(timedelta(0))
        ),
        "silence": env.timedelta(
            "RECEIVER_SILENCE",
            Settings.silence,
            validate=Range(timedelta(seconds=1), timedelta(hours=12)),
        ),
        "reconcile": env.int(
            "RECEIVER_RECONCILE", Settings.reconcile, validate=Range(0, MOST_QUESTIONS)
        ),
        "platform_url": env.str("RECEIVER_PLATFORM_URL", "", validate=_platform_url),
        "platform_private": env.bool("RECEIVER_PLATFORM_PRIVATE", Settings.platform_private),
        "platform_deadline": env.timedelta(
            "RECEIVER_PLATFORM_DEADLINE",
            Settings.platform_deadline,
            validate=Range(timedelta(milliseconds=100), timedelta(seconds=9)),
        ),
        "region": env.str("RECEIVER_REGION", Settings.region, validate=_region),
        "sandbox_host": env.str(
            "RECEIVER_SANDBOX_HOST", Settings.sandbox_host, validate=Length(min=1)
        ),
        "sandbox_port": env.int(
            "RECEIVER_SANDBOX_PORT", Settings.sandbox_port, validate=Range(0, MOST_PORT)
        ),
        "sandbox_retry": env.timedelta(
            "RECEIVER_SANDBOX_RETRY",
            Settings.sandbox_retry,
            validate=Range(timedelta(milliseconds=100), timedelta(hours=1)),
        ),
        "sandbox_notify_url": env.str("RECEIVER_SANDBOX_NOTIFY_URL", "", validate=_http_url),
        "sandbox_secret": env.str("RECEIVER_SANDBOX_SECRET", ""),
        "sandbox_public": env.bool("RECEIVER_SANDBOX_PUBLIC", Settings.sandbox_public),
        "keep": env.keep("RECEIVER_KEEP", None) or dict(KEEP),
        "patience": env.patience("RECEIVER_PATIENCE", None) or dict(PATIENCE),
        "log_level": env.str("RECEIVER_LOG_LEVEL", Settings.log_level, validate=OneOf(LOG_LEVELS)),
    }


def _patience(value: str | None) -> Mapping[str, timedelta]:
    """Read channels with how long each is waited for: `sms=24h,voice=90m`."""
    found = {}
    for part in (value or "").split(","):
        channel, _, length = part.partition("=")
        matched = re.fullmatch(r"([0-9]{1,5})([smhd])", length.strip())
        if value and not (channel.strip() and matched):
            raise ValidationError("must read like sms=24h,voice=90m, in s, m, h or d")
        if matched:
            found[channel.strip().lower()] = int(matched[1]) * _UNITS[matched[2]]
    return found


def _keep(value: str | None) -> Mapping[str, timedelta | None]:
    """Read how long what is kept: `deliveries=200d,quarantine=forever`; the rest as by default."""
    given: dict[str, timedelta | None] = {}
    for part in filter(None, (value or "").split(",")):
        matched = re.fullmatch(r"([a-z]+)=(?:([1-9][0-9]{0,4})d|forever)", part.strip())
        if not matched or matched[1] not in KEEP:
            names = ", ".join(KEEP)
            raise ValidationError(f"must read like deliveries=400d,quarantine=forever, of {names}")
        given[matched[1]] = timedelta(days=int(matched[2])) if matched[2] else None
    keep = {**KEEP, **given}
    if "receipts" not in given:
        keep["receipts"] = max(keep["deliveries"], KEEP["receipts"], key=_length)
    if _length(keep["receipts"]) < _length(keep["deliveries"]):
        raise ValidationError("receipts must be kept for at least as long as deliveries")
    return keep


def _length(kept: timedelta | None) -> timedelta:
    return timedelta.max if kept is None else kept


def _place(value: str | None) -> Place | None:
    """Read where to listen, like 127.0.0.1:9100 or [::1]:9100; empty is nowhere."""
    matched = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+)):([0-9]{1,5})", value or "")
    if not value:
        return None
    if not matched or not 1 <= int(matched[3]) <= MOST_PORT:
        raise ValidationError("must be a host and a port, like 127.0.0.1:9100")
    return Place(matched[1] or matched[2], int(matched[3]))


def _roles(values: Sequence[str]) -> None:
    if not values or not set(values) <= set(ROLES):
        raise ValidationError(f"must be some of {', '.join(ROLES)}, with commas")


def _secret_keys(values: Sequence[str]) -> None:
    try:
        for value in values:
            key_from(value)
    except ValueError:
        raise ValidationError("must be 32 random bytes in base64, several with commas") from None


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


def _region(value: str) -> None:
    if value and value not in SUPPORTED_REGIONS:
        raise ValidationError("must be a country in two capitals, like GB (ISO 3166)")


def _http_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if value and not good:
        raise ValidationError("must be the public address, like https://hooks.example.org")


def _platform_url(value: str) -> None:
    try:
        checked_url(value or "https://localhost")
    except BadInputError as error:
        raise ValidationError([*error.fields["platform_url"]]) from None


def _sentence(faults: Mapping[str, Any]) -> str:
    said = "; ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in faults.items())
    return f"bad settings: {said} (see config/example.env)"
