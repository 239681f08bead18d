"""Integration points whole, secrets too, as `integration_point` entities. Source: CONTRACT.md 8."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.domain.errors import NotFoundError, SealedError, SetupError
from receiver.sealing import Sealer
from receiver.store import sealed, signing, tokens
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.moments import stamp
from receiver.store.signing import HubSecret

#: Makes a sealer at the first need: a point without secrets needs none.
Sealing = Callable[[], Sealer]
Entity = dict[str, Any]

#: Texts that lie in columns as they are given.
TEXTS: Final = (
    *("code", "type", "url"),
    *("recv_svcscriptcode", "recv_svcscriptcode_ws"),
    *("send_svcscriptcode", "send_svcscriptcode_ws"),
)
#: Options that every entity shows, with what they are unless they are set.
ALWAYS: Final[Mapping[str, Any]] = {
    "title": "",
    "comment": "",
    "allow_files_api": False,
    "issync": False,
}
#: Options of ours, shown once they are set.
OURS: Final[Mapping[str, Any]] = {
    "platform_url": "",
    "profile_key": "",
    "signature": "off",
    "signature_secrets": [],
    "allow_sha1": False,
    "allow_ips": [],
    "timezone": "UTC",
    "max_body": None,
    "notifyurl": "ours",
    "store_text": "full",
    "disabled": False,
    "tokens": [],
}
OPTIONS: Final = {**ALWAYS, **OURS}
GROUPS: Final = ("opts", "ext")
#: What a point shows is what it is made of, but for these.
READ_ONLY: Final[Sequence[str]] = ("id", "token_local", "opts.tokens", "ext.ct", "ext.lwt")
#: By their dotted names, in the order in which they are shown; with what stands for nothing.
NAMES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "code", "type", "token_local", "token_remote", "token_remote2"), ""),
    **dict.fromkeys(TEXTS[2:], ""),
    **{f"opts.{name}": value for name, value in OPTIONS.items()},
    **dict.fromkeys(("ext.ct", "ext.lwt"), ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets of one point; None is one that today's keys don't open."""

    token_remote: str | None = field(repr=False)
    profile_key: str | None = field(repr=False)
    hub: Sequence[HubSecret] | None = field(repr=False)
    """Those that are good now."""

    @property
    def token_remote2(self) -> str | None:
        """The first hub secret, under its other name."""
        if self.hub is None:
            return None
        return self.hub[0].secret if self.hub else ""


def rows(
    session: Session, *, domain: str, point_ids: Sequence[UUID] = ()
) -> Sequence[IntegrationPoint]:
    """Return the points of a domain, of these only where any are named, the oldest first."""
    query = select(IntegrationPoint).where(
        IntegrationPoint.domain == domain, IntegrationPoint.deleted_at.is_(None)
    )
    if point_ids:
        query = query.where(IntegrationPoint.id.in_(point_ids))
    return session.scalars(query.order_by(IntegrationPoint.created_at, IntegrationPoint.id)).all()


def get(
    session: Session, id_: UUID, *, domain: str, point_ids: Sequence[UUID] = (), lock: bool = False
) -> IntegrationPoint:
    """Return one point, locked where it is to be changed. Raises NotFoundError."""
    row = session.get(IntegrationPoint, id_, with_for_update=lock)
    hidden = row is None or row.deleted_at is not None or row.domain != domain
    if row is None or hidden or (point_ids and id_ not in point_ids):
        raise NotFoundError("there is no such integration point")
    return row


def shown(row: IntegrationPoint, sealing: Sealing) -> Entity:
    """Return a point as an entity."""
    return _shown(row, secrets_of(row, sealing))


def _shown(row: IntegrationPoint, known: Secrets) -> Entity:
    return {
        "id": str(row.id),
        "code": row.code,
        "type": row.type,
        "token_local": row.token_local,
        "token_remote": known.token_remote,
        "token_remote2": known.token_remote2,
        **{name: getattr(row, name) for name in TEXTS[2:]},
        "opts": _options(row, known),
        "ext": {"ct": stamp(row.created_at), "lwt": stamp(row.written_at)},
    }


def secrets_of(row: IntegrationPoint, sealing: Sealing) -> Secrets:
    """Return the secrets of a point."""

    def opened(column: str) -> str | None:
        kept = getattr(row, column)
        try:
            return sealed.opened(column, kept, row.id, sealing()) if kept else ""
        except (SealedError, SetupError):
            return None

    hub = opened(signing.COLUMN)
    return Secrets(
        token_remote=opened("token_remote"),
        profile_key=opened("profile_key"),
        hub=None if hub is None else signing.good(signing.parse(hub)),
    )


def flat(entity: Mapping[str, Any]) -> Entity:
    """Return an entity, or a part of one, with dotted names."""
    return {
        name: value
        for outer, part in entity.items()
        for name, value in (
            {f"{outer}.{inner}": value for inner, value in part.items()}.items()
            if outer in GROUPS and isinstance(part, Mapping)
            else [(outer, part)]
        )
    }


def nested(flattened: Mapping[str, Any]) -> Entity:
    """Return what has dotted names as an entity has it."""
    entity: Entity = {}
    for name, value in flattened.items():
        outer, dot, inner = name.partition(".")
        if dot:
            entity.setdefault(outer, {})[inner] = value
        else:
            entity[outer] = value
    return entity


def _options(row: IntegrationPoint, known: Secrets) -> Entity:
    held = dict(row.opts)
    hub = None if known.hub is None else signing.said(known.hub)
    apart = {"profile_key": known.profile_key, "signature_secrets": hub, "tokens": row.tokens}
    held |= {name: value for name, value in apart.items() if value or value is None}
    return {
        name: held.get(name, unset)
        for name, unset in OPTIONS.items()
        if name in held or name in ALWAYS
    }


def tokens_of(row: IntegrationPoint) -> Sequence[tokens.HookToken]:
    """Return the hook tokens of a point."""
    return tokens.of(row.token_local, row.tokens)


def opens(row: IntegrationPoint, token: str) -> bool:
    """Tell whether a token opens the hook of a point now."""
    now = datetime.now(UTC)
    given = token.encode("utf-8", "surrogatepass")
    return any(
        each.is_open(now) and compare_digest(each.token.encode(), given) for each in tokens_of(row)
    )
