"""What the views work with, made once per process by `create_app`."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy import Engine

from receiver.inbox.spool import Drainer
from receiver.inbox.ways import Inbox
from receiver.settings import Settings
from receiver.store.entities import Sealing
from receiver.web.admission import Admission
from receiver.web.body import Intake
from receiver.web.exports import Exports
from receiver.web.feed_watch import FeedWatch
from receiver.web.gateway.room import GatewayRoom
from receiver.web.key_ring import KeyRing
from receiver.web.polling import Polls
from receiver.web.readiness import Readiness
from receiver.web.replaying import Replayer
from receiver.web.roster import Roster
from receiver.web.turns import Turns
from receiver.web.vitals import VitalsWatch


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The parts of the service that requests share."""

    settings: Settings
    engine: Engine
    inbox: Inbox
    drainer: Drainer | None
    roster: Roster
    admission: Admission
    keys: KeyRing
    readiness: Readiness
    vitals: VitalsWatch
    feed: FeedWatch
    polls: Polls
    intake: Intake
    gateway: GatewayRoom
    turns: Turns
    exports: Exports
    sealing: Sealing
    """What secrets that lie in Postgres are sealed with, made at the first need."""
    replayer: Replayer

    def open(self) -> None:
        """Begin what a serving process does beside its requests."""
        self.roster.watch()
        if self.drainer:
            self.drainer.start()


def rooms() -> Rooms:
    """Return the rooms of the application that answers this request."""
    return rooms_of(current_app)


def rooms_of(app: Flask) -> Rooms:
    """Return the rooms of an application."""
    return cast("Rooms", app.extensions["receiver"])
