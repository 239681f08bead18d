"""The audit log: who did what to what, where it can't be seen from the data themselves."""

import getpass
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from receiver.store.admin_tables import AuditRow
from receiver.store.keys import ApiKey

RAW_READ: Final = "raw.read"
#: Somebody with a shell had numbers and texts shown.
CLEAR_READ: Final = "clear.read"
HIDDEN: Final = "***"
#: Fields of what is administered that nobody may learn from here.
_SECRETS: Final = frozenset(
    {
        *("token", "tokens", "token_hash", "token_local", "token_remote", "token_remote2"),
        *("hash", "secret", "secrets", "signature_secrets", "profile_key", "password"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who did something: an API key, or somebody with a shell on the machine."""

    kind: str
    name: str
    """The key's prefix, or the user of the operating system."""
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was done. `before` and `after` are JSON that Postgres can hold, secrets left out."""

    verb: str
    """What, of which noun: `raw.read`, `person.forget`."""
    kind: str
    """Of what the ids are."""
    ids: Collection[str] = ()
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What the log is narrowed to: any of several values; what is empty narrows nothing."""

    what: Sequence[str] = ()
    who: Sequence[str] = ()
    """Ids or prefixes of keys, names of users."""
    since: datetime | None = None
    until: datetime | None = None


def by_key(key: ApiKey) -> Who:
    """Return the key as who did it."""
    return Who(kind="key", name=key.prefix, key_id=key.id)


def by_shell() -> Who:
    """Return the user of this process as who did it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user needs no name
        name = str(os.getuid())
    return Who(kind="shell", name=name)


def record(session: Session, act: Act, *, who: Who, domain: str) -> None:
    """Add one line to the log. It stands once the session is committed."""
    row = AuditRow(
        at=datetime.now(UTC),
        domain=domain,
        who_kind=who.kind,
        who=who.name,
        key_id=who.key_id,
        verb=act.verb,
        kind=act.kind,
        ids=list(act.ids),
        before=without_secrets(act.before),
        after=without_secrets(act.after),
    )
    session.add(row)
    session.flush()


def newest(
    session: Session, sought: Sought, *, key: ApiKey, before: int | None, limit: int
) -> Sequence[AuditRow]:
    """Return lines of the log of a key's domain, the newest first by `seq`, those below `before`.

    A key that is narrowed to points sees what was done to them, and what it did itself.
    """
    query = select(AuditRow).where(AuditRow.domain == key.domain, *_narrowed(sought))
    if key.point_ids:
        theirs = and_(AuditRow.kind == "point", AuditRow.ids.overlap([*map(str, key.point_ids)]))
        query = query.where(or_(theirs, AuditRow.key_id == key.id))
    if before is not None:
        query = query.where(AuditRow.seq < before)
    return session.scalars(query.order_by(AuditRow.seq.desc()).limit(limit)).all()


def without_secrets(value: Any) -> Any:
    """Return JSON with the values of secret fields hidden, at any depth."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if name in _SECRETS and part else without_secrets(part)
            for name, part in value.items()
        }
    return [without_secrets(part) for part in value] if isinstance(value, list) else value


def _narrowed(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.what:
        yield AuditRow.verb.in_(sought.what)
    if sought.who:
        yield or_(AuditRow.who.in_(sought.who), AuditRow.key_id.in_(_ids(sought.who)))
    if sought.since:
        yield AuditRow.at >= sought.since
    if sought.until:
        yield AuditRow.at < sought.until


def _ids(names: Sequence[str]) -> Sequence[UUID]:
    ids = []
    for name in names:
        try:
            ids.append(UUID(name))
        except ValueError:
            continue
    return ids
