"""Receiver: takes what a messaging platform reports, and tells what became of each send."""

from functools import cache, partial
from inspect import unwrap
from typing import TYPE_CHECKING

import structlog
from flask import Flask, g

from receiver.domain.errors import SetupError
from receiver.inbox.spool import Drainer, Spool
from receiver.inbox.ways import Inbox
from receiver.inbox.writer import Writer
from receiver.sealing import Sealer
from receiver.settings import IN_FLIGHT_BYTES, Settings
from receiver.store.database import make_engine
from receiver.store.directory import DirectoryReader
from receiver.store.erasures import Erasures
from receiver.store.fitness import connect_for_facts
from receiver.web import (
    audit,
    changes,
    conversations,
    deliveries,
    docs,
    errors,
    events,
    health,
    hooks,
    jobs,
    messages,
    openapi,
    points,
    profiles,
    quarantine,
    receipts,
    recording,
    roles,
    send_lists,
    sends,
    stats,
)
from receiver.web.access import AccessLines
from receiver.web.admission import Admission
from receiver.web.application import Application
from receiver.web.auth import public
from receiver.web.body import Intake
from receiver.web.exports import Exports
from receiver.web.feed_watch import FeedWatch
from receiver.web.gateway.belated import Belated
from receiver.web.gateway.gate import Gate
from receiver.web.gateway.room import GatewayRoom
from receiver.web.gateway.upstream import Upstreams
from receiver.web.gateway.views import gateway
from receiver.web.key_ring import KeyRing
from receiver.web.lines import CollapsedSlashes, Lines
from receiver.web.metrics import metrics_
from receiver.web.polling import Polls
from receiver.web.readiness import Readiness
from receiver.web.repeats import Repeats
from receiver.web.replaying import Replayer
from receiver.web.rooms import Rooms, rooms_of
from receiver.web.roster import Roster
from receiver.web.snapshot import Snapshot
from receiver.web.spool_watch import SpoolWatch
from receiver.web.turns import Turns
from receiver.web.vitals import VitalsWatch

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: Lists that are written as CSV at once, per process: what comes in shares it with them.
MOST_EXPORTS = 2

_OPERATIONS = (health.health, metrics_)
_EVERYWHERE = (*_OPERATIONS, openapi.openapi, docs.docs)
_API = (
    recording.recording,
    sends.sends_,
    send_lists.send_lists,
    deliveries.deliveries_,
    messages.messages,
    receipts.receipts,
    events.events,
    profiles.profiles,
    conversations.conversations,
    quarantine.quarantine,
    jobs.jobs,
    audit.audit,
    points.points,
    changes.changes,
    stats.stats,
)
#: By role.
_BLUEPRINTS = {"hooks": (hooks.hooks,), "api": _API, "gateway": (gateway,)}

log = structlog.get_logger()


def create_app(settings: Settings) -> Flask:
    """Wire the rooms together. Connects to nothing: Postgres may be away.

    Raises: SetupError without a database's address.
    """
    if not settings.database_url:
        raise SetupError("no database is named: set DATABASE_URL, or start with `receiver run`")
    app = _bare(_rooms(settings))
    for blueprint in _EVERYWHERE:
        app.register_blueprint(blueprint)
    roles.register(app, _BLUEPRINTS, settings.roles)
    inner = CollapsedSlashes(Repeats(app.wsgi_app, app), prefix="/hooks")
    app.wsgi_app = Lines(_told(inner, app))  # type: ignore[method-assign]
    return app


def create_operations(service: Flask) -> Flask:
    """Return what the operations listener answers for `service`: its health and its metrics.

    Whoever reaches it is let in, without a key, and sees all domains. Nothing else is there.
    """
    app = _bare(rooms_of(service))
    for blueprint in _OPERATIONS:
        app.register_blueprint(blueprint)
    views = app.view_functions.items()
    app.view_functions = {endpoint: public(unwrap(view)) for endpoint, view in views}
    app.before_request(_without_key)
    app.wsgi_app = _told(app.wsgi_app, app)  # type: ignore[method-assign]
    return app


def _bare(rooms: Rooms) -> Application:
    app = Application(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.extensions["receiver"] = rooms
    errors.register(app)
    return app


def _told(application: "WSGIApplication", app: Flask) -> AccessLines:
    return AccessLines(application, is_token=rooms_of(app).roster.knows_token)


def _without_key() -> None:
    g.key = None


def _rooms(settings: Settings) -> Rooms:
    url = settings.database_url
    # The way in has connections of its own, so that heavy reads can't keep it waiting.
    doors = make_engine(url, pool_size=2, statement_seconds=2)
    roster = Roster(DirectoryReader(url), Snapshot(settings.var_dir, settings.secret_keys))
    sealer = _sealer(settings)
    spool = _spool(settings, sealer) if sealer else None
    erasures = Erasures(partial(Sealer.known, settings.secret_keys, settings.var_dir))
    patience = settings.store_budget if spool else settings.store_deadline
    writer = Writer(
        partial(connect_for_facts, url),
        patience_seconds=patience.total_seconds(),
        deadline_seconds=settings.store_deadline.total_seconds(),
        erasures=erasures,
    )
    engine = make_engine(url)
    inbox = Inbox(writer, spool)
    sealing = cache(settings.sealer)
    readiness = Readiness(
        doors, SpoolWatch(settings.spool_dir, max_bytes=settings.spool_max_bytes), roster
    )
    admission = Admission(roster, sealer=sealing, proxies=settings.trusted_proxies)
    return Rooms(
        settings=settings,
        engine=engine,
        inbox=inbox,
        drainer=_drainer(settings, sealer, writer, spool, erasures) if sealer and spool else None,
        roster=roster,
        admission=admission,
        keys=KeyRing(roster),
        readiness=readiness,
        vitals=VitalsWatch(doors, silence=settings.silence, is_fit=readiness.is_readable),
        feed=FeedWatch(engine),
        polls=Polls(),
        intake=Intake(IN_FLIGHT_BYTES),
        turns=Turns(),
        gateway=GatewayRoom(
            Upstreams(roster, settings, sealer=sealing), Gate(), Belated(inbox.put)
        ),
        exports=Exports(MOST_EXPORTS, busy=lambda: writer.is_busy),
        sealing=sealing,
        replayer=Replayer(
            signatures=admission.signatures,
            most_body_bytes=settings.max_body_bytes,
            erasures=erasures,
        ),
    )


def _sealer(settings: Settings) -> Sealer | None:
    """Return what seals the spool; without a key there is no spool, but there is a service."""
    if settings.spool_dir is None:
        return None
    try:
        return Sealer.of(settings.secret_keys, settings.var_dir)
    except SetupError as error:
        log.warning("no_spool", reason=str(error))
        return None


def _spool(settings: Settings, sealer: Sealer) -> Spool:
    assert settings.spool_dir
    return Spool(settings.spool_dir, sealer, max_bytes=settings.spool_max_bytes)


def _drainer(
    settings: Settings, sealer: Sealer, writer: Writer, spool: Spool, erasures: Erasures
) -> Drainer:
    assert settings.spool_dir
    return Drainer(
        settings.spool_dir,
        sealer,
        connect=partial(connect_for_facts, settings.database_url),
        is_open=lambda: writer.is_open,
        busy=lambda: writer.is_busy,
        kept_seconds=settings.spool_kept.total_seconds(),
        spool=spool,
        erasures=erasures,
    )
