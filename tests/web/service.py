"""The application on a real database, and the bodies that tests send to it."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from receiver import create_app
from receiver.settings import Settings
from receiver.store import keys, points
from receiver.store.database import make_engine
from receiver.store.points import Point
from receiver.web.rooms import Rooms

NUMBERS = itertools.count(1)
ALL_SCOPES = ("read", "read:pii", "send", "admin")


@dataclass
class Service:
    """One application, and connections of the test's own."""

    url: str
    app: Flask
    engine: Engine
    client: Any = field(init=False)  # its answers may have no JSON, which most tests know

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def hook(self, point: Point, body: Any, *, path: str = "", **more: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(f"/hooks/{point.token_local}{path}", data=raw, **more)

    def rows(self, statement: str, **parameters: Any) -> Sequence[Mapping[str, Any]]:
        with Session(self.engine) as session:
            found = session.execute(text(statement), parameters).mappings()
            return [dict(row) for row in found]


@dataclass
class Caller:
    """A client of the API with its key."""

    service: Service
    secret: str
    domain: str

    def get(self, path: str, **more: Any) -> Any:
        return self._open("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self._open("POST", path, **more)

    def patch(self, path: str, **more: Any) -> Any:
        return self._open("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self._open("DELETE", path, **more)

    def record(self, **send: Any) -> Any:
        answer = self.post("/sends", json=send)
        assert answer.status_code in (200, 201), answer.json
        return answer.json

    def send(self, name: str) -> Any:
        answer = self.get(f"/sends/{name}")
        assert answer.status_code == 200, answer.json
        return answer.json

    def _open(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return self.service.client.open(f"/api/v1{path}", method=method, headers=headers, **more)


@contextmanager
def running(url: str, **settings: Any) -> Iterator[Service]:
    """Give the application, and close its connections afterwards."""
    settings = {"spool": "off", **settings}  # what lies in the checkout's var is no test's
    service = Service(url, create_app(Settings(database_url=url, **settings)), make_engine(url))
    yield service
    rooms: Rooms = service.app.extensions["receiver"]
    rooms.inbox.close()
    rooms.gateway.belated.close()
    rooms.roster.close()
    rooms.feed.close()
    for engine in (rooms.engine, rooms.readiness.engine, service.engine):
        engine.dispose()


def ago(**parts: float) -> str:
    return (datetime.now(UTC) - timedelta(**parts)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_domain() -> str:
    return f"domain-{next(NUMBERS)}"


def make_point(service: Service, *, domain: str = "default", **opts: Any) -> Point:
    with Session(service.engine) as session:
        point = points.add(session, domain=domain, code=f"point-{next(NUMBERS)}")
        session.execute(
            text("UPDATE integration_points SET opts = :opts WHERE id = :id"),
            {"opts": json.dumps(opts), "id": point.id},
        )
        session.commit()
    return point


def make_caller(
    service: Service,
    *,
    domain: str = "default",
    scopes: Sequence[str] = ALL_SCOPES,
    point_ids: Sequence[UUID] = (),
    expires_at: datetime | None = None,
) -> Caller:
    with Session(service.engine) as session:
        _, secret = keys.add(
            session,
            domain=domain,
            name="test",
            scopes=scopes,
            point_ids=point_ids,
            expires_at=expires_at,
        )
        session.commit()
    return Caller(service, secret, domain)


def make_transid() -> str:
    return str(uuid4())


def receipt(transid: str, status: str, **more: Any) -> dict[str, Any]:
    """Return a receipt as the platform posts it; `more` goes into the inner object."""
    info = {
        "deliveryChannel": "SMS",
        "deliveryStatus": status,
        "code": "7500",
        "Description": status,
        "destination": "447700900123",
        "destinationType": "msisdn",
        "timeStamp": "2026-07-20T17:13:17.908",
        **more,
    }
    return {"deliveryInfoNotification": {"deliveryInfo": info, "transid": transid}}


def message(*, text: str = "yes", **more: Any) -> dict[str, Any]:
    """Return a message as the platform posts it."""
    return {
        "channel": "sms",
        "event": "MO",
        "tid": make_transid(),
        "oa": "447700900123",
        "da": "DEMOBK",
        "message": text,
        "ts": "2026-07-20T17:20:00Z",
        **more,
    }
