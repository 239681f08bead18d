"""Receiver: takes what a messaging platform reports, and tells what became of each send."""

from functools import partial

from flask import Flask

from receiver.domain.errors import SetupError
from receiver.inbox.writer import Writer
from receiver.settings import MEBIBYTE, Settings
from receiver.store.database import connect, make_engine
from receiver.web import errors, health, hooks, messages, openapi, recording, sends
from receiver.web.admission import Admission
from receiver.web.body import Intake
from receiver.web.key_ring import KeyRing
from receiver.web.lines import ClosedLines, CollapsedSlashes
from receiver.web.readiness import Readiness
from receiver.web.rooms import Rooms

#: Bodies that are being read or wait for their commit, per process.
IN_FLIGHT_BYTES = 256 * MEBIBYTE

_BLUEPRINTS = (
    hooks.hooks,
    health.health,
    openapi.openapi,
    recording.recording,
    sends.sends_,
    messages.messages,
)


def create_app(settings: Settings) -> Flask:
    """Wire the rooms together. Connects to nothing: Postgres may be away.

    Raises: SetupError without a database's address.
    """
    if not settings.database_url:
        raise SetupError("no database is named: set DATABASE_URL, or start with `receiver run`")
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.extensions["receiver"] = _rooms(settings)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.register(app)
    inner = CollapsedSlashes(app.wsgi_app, prefix="/hooks")
    app.wsgi_app = ClosedLines(inner)  # type: ignore[method-assign]
    return app


def _rooms(settings: Settings) -> Rooms:
    url = settings.database_url
    # The way in has connections of its own, so that heavy reads can't keep it waiting.
    doors = make_engine(url, pool_size=2, statement_seconds=2)
    return Rooms(
        settings=settings,
        engine=make_engine(url),
        inbox=Writer(
            partial(connect, url), deadline_seconds=settings.store_deadline.total_seconds()
        ),
        admission=Admission(doors),
        keys=KeyRing(doors),
        readiness=Readiness(doors),
        intake=Intake(IN_FLIGHT_BYTES),
    )
