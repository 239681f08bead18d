"""What `receiver run` makes for a newcomer: a first point, a first key, and receiver.json.

The first point's platform is the sandbox, unless somebody has given it another.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from receiver import embedded
from receiver.cli import entrance
from receiver.cli.database import session_on
from receiver.cli.entrance import Entrance
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY
from receiver.settings import Settings
from receiver.store import audit, entities, keys, points
from receiver.store.administration import Desk
from receiver.store.audit import Act
from receiver.store.points import Point

NAME: Final = "first"
DOMAIN: Final = "default"


def prepare(settings: Settings, url: str, *, sandbox_url: str | None = None) -> Entrance:
    """Make the first point and key where they are missing, and write receiver.json."""
    known = entrance.read(settings.var_dir)
    with session_on(url) as session:
        point = _first_point(session)
        if sandbox_url and (settings.disk_lasts or settings.secret_keys):  # else no secret is kept
            _give_sandbox(session, settings, point, sandbox_url)
        api_key = known.api_key if known and _opens(session, known.api_key) else _new(session)
    data = embedded.data_folder(settings)
    now = Entrance(
        base_url=settings.base_url,
        hook_url=entrance.hook_url(settings.public_url, point.token_local),
        api_key=api_key,
        postgres_data=str(data) if data else None,
        sandbox_url=sandbox_url,
    )
    if now != known:
        entrance.write(settings.var_dir, now)
    return now


def _first_point(session: Session) -> Point:
    known = [point for point in points.list_(session, domain=DOMAIN) if point.code == NAME]
    if known:
        return known[0]
    point = points.add(session, domain=DOMAIN, code=NAME)
    _record(session, "point.create", "point", point.id)
    return point


def _give_sandbox(session: Session, settings: Settings, point: Point, url: str) -> None:
    """Let the point's platform be the sandbox, whose port may be another each time."""
    sealing = cache(settings.sealer)
    row = entities.get(session, point.id, domain=DOMAIN, lock=True)
    shown = entities.flat(entities.shown(row, sealing))
    key, known_url = shown["token_remote"], shown.get("opts.platform_url", "")
    is_near = known_url.startswith(f"http://{settings.sandbox_host}:")
    if (key == "" and not known_url) or (key == SERVICE_KEY and is_near):
        opts = {"platform_url": url, "profile_key": PROFILE_KEY}
        desk = Desk(session=session, who=audit.by_shell(), sealing=sealing)
        desk.change(row, {"token_remote": SERVICE_KEY, "opts": opts})


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
