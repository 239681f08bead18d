"""A point with overdue sends, the platform that is asked about them, and the worker's clocks."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.cli.reconciling import Reconciler
from receiver.domain.facts import Fact, Receipt, Send
from receiver.platform.calling import ask_status
from receiver.sealing import Sealer
from receiver.store import audit, points
from receiver.store.administration import Desk
from receiver.store.apply import apply
from receiver.store.database import connect, make_engine
from receiver.store.overdue import Sweeper
from receiver.store.points import Point
from tests.conftest import MakeDatabase
from tests.making import START, UUIDS, make_fact, make_send
from tests.platform.standin import StandIn, standing_in

HOUR = timedelta(hours=1)
SEALER = Sealer([b"k" * 32])
NUMBER = "447700900123"
T = UUIDS[0]


@dataclass
class World:
    """A point of its own with overdue sends, the platform, and the clocks of the worker."""

    connection: psycopg.Connection[Any]
    engine: Engine
    platform: StandIn
    domain: str = field(default_factory=lambda: uuid.uuid4().hex)
    seconds: float = 1000.0
    now: datetime = START + 2 * HOUR
    facts_wait: bool = False

    def __post_init__(self) -> None:
        self.point = self.make_point("sms")

    def make_point(self, code: str, *, sealer: Sealer = SEALER, **opts: Any) -> Point:
        given = {
            "code": code,
            "type": "public",
            "token_remote": "service-key",
            "opts": {"platform_url": self.platform.url},
        }
        with Session(self.engine) as session, session.begin():
            desk = Desk(session=session, who=audit.by_shell(), sealing=lambda: sealer)
            desk.create(given, domain=self.domain)
            point = points.get(session, domain=self.domain, code_or_id=code)
        self.change(point, **opts)
        return point

    def change(self, point: Point, **opts: Any) -> None:
        self.connection.execute(
            "UPDATE integration_points SET opts = opts || %s::jsonb WHERE id = %s",
            [json.dumps(opts), point.id],
        )

    def reconciler(self, per_minute: int = 600, *, ask: Any = ask_status) -> Reconciler:
        return Reconciler(
            per_minute,
            SEALER,
            facts_wait=lambda: self.facts_wait,
            ask=ask,
            clock=lambda: self.seconds,
            now=lambda: self.now,
        )

    def fact(self, body: Send | Receipt, **more: Any) -> Fact:
        point = more.pop("point", self.point)
        return make_fact(body, domain=self.domain, point_id=point.id, **more)

    def take(self, *bodies: Send | Receipt, **more: Any) -> None:
        apply(self.connection, [self.fact(body, **more) for body in bodies])

    def late(self, *transids: str, **more: Any) -> None:
        """Make sends that are overdue, in this order."""
        for transid in transids:
            self.take(make_send(transid, NUMBER, channel="sms"), **more)
        Sweeper({"sms": HOUR}, facts_wait=lambda: False).sweep(self.connection, START + 2 * HOUR)

    def turn(self, reconciler: Reconciler) -> dict[str, int]:
        return {str(finding): n for finding, n in reconciler.turn(self.connection).items()}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), {"d": self.domain}).fetchall()

    def delivery(self) -> tuple[Any, ...]:
        (row,) = self.rows(
            "SELECT rank, raw_status, reconciled, overdue FROM deliveries WHERE domain = %(d)s"
        )
        return row

    def asked(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT asked_as, finding, http, code FROM questions q JOIN sends s"
            " ON s.seq = q.send_seq WHERE s.domain = %(d)s ORDER BY q.asked_at, q.id"
        )

    def receipts(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT source, raw_status, raw FROM receipts WHERE domain = %(d)s")


@pytest.fixture(scope="module")
def url(make_database: MakeDatabase) -> str:
    """A database of our own: in any other, others' sends are overdue too."""
    return make_database()


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(url: str, engine: Engine) -> Iterator[World]:
    with connect(url) as connection, standing_in() as platform:
        yield World(connection, engine, platform)
        connection.execute("UPDATE integration_points SET deleted_at = now()")
