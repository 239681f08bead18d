"""What tests do with what is not taken."""

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact, Quarantined, Source, stamp
from receiver.store.apply import apply
from receiver.store.database import connect
from receiver.store.points import Point
from receiver.web.quarantine_shapes import QuarantineShape, ReplayResult
from tests.web.service import Caller, Service


def held(service: Service, point: Point, body: Any, status: int = 400, **more: Any) -> str:
    """Post what is not taken, and return the id that it is kept under."""
    answer = service.hook(point, body, **more)
    assert answer.status_code == status, answer.json
    assert answer.json.get("result") == "quarantined"
    return str(answer.json["id"])


def options(service: Service, point: Point, **opts: Any) -> None:
    """Give a point other options."""
    with Session(service.engine) as session:
        session.execute(
            text("UPDATE integration_points SET opts = :opts WHERE id = :id"),
            {"opts": json.dumps(opts), "id": point.id},
        )
        session.commit()


def show(caller: Caller, id_: str) -> Any:
    answer = caller.get(f"/quarantine/{id_}")
    assert answer.status_code == 200, answer.json
    assert QuarantineShape().validate(answer.json) == {}
    return answer.json


def replay(caller: Caller, id_: str, **given: Any) -> Any:
    answer = caller.post(f"/quarantine/{id_}/replay", **({"json": given} if given else {}))
    assert answer.status_code == 200, answer.json
    assert ReplayResult().validate(answer.json) == {}
    return answer.json


def results(answer: Any) -> list[str]:
    return [each["result"] for each in answer["results"]]


def keep(
    url: str, point: Point, raw: bytes, reason: str, *, source: Source = Source.HOOK, **more: Any
) -> str:
    """Keep in quarantine what today's parser understands, as one of yesterday did not."""
    fact = stamp(
        Quarantined(reason=reason, **{"answered": 400} | more),
        domain=point.domain,
        point_id=point.id,
        source=source,
        raw=raw,
    )
    return kept(url, fact)


def kept(url: str, fact: Fact) -> str:
    with connect(url) as connection:
        [taken] = apply(connection, [fact])
    return str(taken.id)
