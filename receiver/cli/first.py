"""What `receiver run` makes for a newcomer: a first point, a first key, and receiver.json."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from receiver import embedded
from receiver.cli import entrance
from receiver.cli.database import session_on
from receiver.cli.entrance import Entrance
from receiver.settings import Settings
from receiver.store import audit, keys, points
from receiver.store.audit import Act

NAME: Final = "first"
DOMAIN: Final = "default"


def prepare(settings: Settings, url: str) -> Entrance:
    """Make the first point and key where they are missing, and write receiver.json."""
    known = entrance.read(settings.var_dir)
    with session_on(url) as session:
        token = _first_token(session)
        api_key = known.api_key if known and _opens(session, known.api_key) else _new(session)
    data = embedded.data_folder(settings)
    now = Entrance(
        base_url=settings.base_url,
        hook_url=entrance.hook_url(settings.public_url, token),
        api_key=api_key,
        postgres_data=str(data) if data else None,
    )
    if now != known:
        entrance.write(settings.var_dir, now)
    return now


def _first_token(session: Session) -> str:
    known = [point for point in points.list_(session, domain=DOMAIN) if point.code == NAME]
    if known:
        return known[0].token_local
    point = points.add(session, domain=DOMAIN, code=NAME)
    _record(session, "point.create", "point", point.id)
    return point.token_local


def _opens(session: Session, secret: str) -> bool:
    """Say whether this database takes the key: receiver.json may be another's."""
    key = keys.find(session, secret)
    return key is not None and key.is_good(datetime.now(UTC))


def _new(session: Session) -> str:
    key, secret = keys.add(session, domain=DOMAIN, name=NAME, scopes=keys.SCOPES)
    _record(session, "key.create", "key", key.id)
    return secret


def _record(session: Session, verb: str, kind: str, id_: UUID) -> None:
    act = Act(verb=verb, kind=kind, ids=[str(id_)], after={"name": NAME})
    audit.record(session, act, who=audit.by_shell(), domain=DOMAIN)
