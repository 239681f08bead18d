"""What the views work with, made once per process by `create_app`."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from sqlalchemy import Engine

from receiver.inbox.writer import Inbox
from receiver.settings import Settings
from receiver.web.admission import Admission
from receiver.web.body import Intake
from receiver.web.key_ring import KeyRing
from receiver.web.readiness import Readiness


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The parts of the service that requests share."""

    settings: Settings
    engine: Engine
    inbox: Inbox
    admission: Admission
    keys: KeyRing
    readiness: Readiness
    intake: Intake


def rooms() -> Rooms:
    """Return the rooms of the application that answers this request."""
    return cast("Rooms", current_app.extensions["receiver"])
