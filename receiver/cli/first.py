"""What `receiver run` makes for a newcomer: a first point, a first key, and receiver.json."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from receiver import embedded
from receiver.cli import entrance
from receiver.cli.database import session_on
from receiver.cli.entrance import Entrance
from receiver.settings import Settings
from receiver.store import keys, points

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
    point = known[0] if known else points.add(session, domain=DOMAIN, code=NAME)
    return point.token_local


def _opens(session: Session, secret: str) -> bool:
    """Say whether this database takes the key: receiver.json may be another's."""
    key = keys.find(session, secret)
    return key is not None and key.is_good(datetime.now(UTC))


def _new(session: Session) -> str:
    _, secret = keys.add(session, domain=DOMAIN, name=NAME, scopes=keys.SCOPES)
    return secret
