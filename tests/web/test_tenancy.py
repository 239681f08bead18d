"""A key sees its domain, and where it is narrowed, its points: over every route that needs one.

Each route is asked three times: by a key of the whole domain, which must see something, and by a
key of another domain and one of another point, which must see nothing of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from receiver.store.points import Point
from receiver.web.openapi import DOCUMENT
from tests.web.listing import window
from tests.web.quarantined import held
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
)

NUMBER, TEXT, TAG = "447700900321", "words-of-this-domain", "tag-of-this-domain"
#: What takes the platform's own keys goes to the platform, and shows nothing of the ledger.
PLATFORM_KEY: Final[Mapping[str, list[str]]] = {"platformKey": []}
#: What tells of the server alone.
OF_THE_SERVER: Final = {("/health/database", "GET")}
POINTS: Final = "/rest/v1/service/integration_points"


@dataclass(frozen=True)
class Asked:
    """How a route is asked for what is another's; `<transid>` and the like are its names."""

    path: str
    body: str | None = None
    refused: int = 404
    """What who may not see it hears where that is no empty list."""
    changes: bool = False
    """Whether asking changes something, so that it is asked last."""
    follows: str = ""
    """What follows from what is asked, whoever asks."""


def lists(path: str, body: str | None = None) -> Asked:
    """Return what is answered 200 to all, with what they may see."""
    return Asked(path, body, refused=200)


#: By route and method. A route that is new belongs here.
ASKED: Final[Mapping[tuple[str, str], tuple[Asked, ...]]] = {
    ("/metrics", "GET"): (lists("/metrics"),),
    ("/health/flow", "GET"): (lists("/health/flow"),),
    ("/api/v1/sends", "GET"): (
        lists("/api/v1/sends?limit=1000&<window>"),
        lists("/api/v1/sends?transid=<transid>"),
        lists("/api/v1/sends?destination=<number>"),
        Asked("/api/v1/sends?transid=<transid>&point=<code>", refused=400),
        Asked("/api/v1/sends?transid=<transid>&point=<id>", refused=400),
    ),
    ("/api/v1/sends", "POST"): (
        Asked(
            "/api/v1/sends",
            '[{"transid": "<transid>", "tag": "other"}]',
            refused=200,
            changes=True,
            follows="<send_id>",
        ),
    ),
    ("/api/v1/sends/search", "POST"): (
        lists("/api/v1/sends/search", '{"destination": "<number>"}'),
        Asked("/api/v1/sends/search", '{"point": "<code>", "transid": "<transid>"}', refused=400),
    ),
    ("/api/v1/sends/lookup", "POST"): (
        lists("/api/v1/sends/lookup", '{"transids": ["<transid>"]}'),
    ),
    ("/api/v1/deliveries", "GET"): (
        lists("/api/v1/deliveries?limit=1000&<window>"),
        lists("/api/v1/deliveries?correlationid=<correlationid>"),
        Asked("/api/v1/deliveries?transid=<transid>&point=<code>", refused=400),
    ),
    ("/api/v1/sends/{key}", "GET"): (
        Asked("/api/v1/sends/<transid>"),
        Asked("/api/v1/sends/<send_id>"),
        Asked("/api/v1/sends/<registered>"),
    ),
    ("/api/v1/sends/{key}", "PATCH"): (
        Asked("/api/v1/sends/<registered>", '{"transid": "<other>"}', changes=True),
    ),
    ("/api/v1/messages", "GET"): (
        lists("/api/v1/messages?<window>"),
        lists("/api/v1/messages?raw=true&<window>"),
        lists("/api/v1/messages?from=<number>"),
        Asked("/api/v1/messages?tid=<tid>&point=<id>", refused=400),
    ),
    ("/api/v1/messages/{tid}", "GET"): (
        Asked("/api/v1/messages/<tid>"),
        Asked("/api/v1/messages/<tid>?raw=true"),
    ),
    ("/api/v1/events", "GET"): (
        lists("/api/v1/events?raw=true&<window>"),
        lists("/api/v1/events?transid=<transid>"),
        Asked("/api/v1/events?transid=<transid>&point=<code>", refused=400),
    ),
    ("/api/v1/receipts", "GET"): (
        lists("/api/v1/receipts?raw=true&<window>"),
        lists("/api/v1/receipts?transid=<transid>"),
        Asked("/api/v1/receipts?transid=<transid>&point=<code>", refused=400),
    ),
    ("/api/v1/profiles", "GET"): (
        lists("/api/v1/profiles?raw=true&<window>"),
        lists("/api/v1/profiles?transid=<profiled>"),
        Asked("/api/v1/profiles?transid=<profiled>&point=<code>", refused=400),
    ),
    ("/api/v1/quarantine", "GET"): (
        lists("/api/v1/quarantine"),
        lists("/api/v1/quarantine?group=shape"),
        Asked("/api/v1/quarantine?point=<code>", refused=400),
    ),
    ("/api/v1/quarantine/{id}", "GET"): (Asked("/api/v1/quarantine/<held>"),),
    ("/api/v1/quarantine/{id}/replay", "POST"): (
        Asked("/api/v1/quarantine/<held>/replay", changes=True),
    ),
    ("/api/v1/quarantine/{id}/discard", "POST"): (
        Asked("/api/v1/quarantine/<held>/discard", changes=True),
    ),
    ("/api/v1/quarantine/replay", "POST"): (
        lists("/api/v1/quarantine/replay", "{}"),
        Asked("/api/v1/quarantine/replay", '{"point": "<code>"}', refused=400),
    ),
    ("/api/v1/quarantine/discard", "POST"): (
        lists("/api/v1/quarantine/discard", "{}"),
        Asked("/api/v1/quarantine/discard", '{"point": "<code>"}', refused=400),
    ),
    ("/api/v1/jobs", "GET"): (lists("/api/v1/jobs"),),
    ("/api/v1/jobs/{id}", "GET"): (Asked("/api/v1/jobs/<job>"),),
    ("/api/v1/jobs/{id}", "DELETE"): (Asked("/api/v1/jobs/<job>", changes=True),),
    ("/api/v1/conversations", "POST"): (lists("/api/v1/conversations", '{"number": "<number>"}'),),
    ("/api/v1/audit", "GET"): (lists("/api/v1/audit?limit=1000"),),
    ("/api/v1/changes", "GET"): (
        lists("/api/v1/changes?after=start&limit=1000"),
        Asked("/api/v1/changes?point=<code>", refused=400),
    ),
    ("/api/v1/stats", "GET"): (lists("/api/v1/stats?by=point,tag,code,sender,carrier&bucket=day"),),
    (POINTS, "POST"): (Asked(POINTS, '"<token>"'), Asked(POINTS, '"<code>"')),
    (POINTS, "GET"): (
        lists(POINTS),
        lists(POINTS + '?filter={"code": "<code>"}'),
    ),
    (f"{POINTS}/{{id_}}", "GET"): (Asked(f"{POINTS}/<id>"),),
    (f"{POINTS}/{{id_}}", "PATCH"): (
        Asked(f"{POINTS}/<id>", '{"url": "https://new.example"}', changes=True),
    ),
    (f"{POINTS}/{{id_}}", "DELETE"): (Asked(f"{POINTS}/<id>", changes=True),),
    ("/rest/v1/service/integration_tokens/{token}", "GET"): (
        Asked("/rest/v1/service/integration_tokens/<token>"),
    ),
}


@dataclass(frozen=True)
class World:
    """A domain with something in it, who may see all of it, and who may see nothing of it."""

    service: Service
    owner: Caller
    strangers: Mapping[str, Caller]
    names: Mapping[str, str]

    def ask(self, caller: Caller, method: str, asked: Asked) -> tuple[int, str]:
        """Return status and text of an answer."""
        headers = {"Authorization": f"Bearer {caller.secret}"}
        if asked.path == POINTS and method == "POST":
            headers["X-HTTP-Method-Override"] = "LOOKUP"
        answer = self.service.client.open(
            self.fill(asked.path), method=method, headers=headers, data=self.fill(asked.body or "")
        )
        return answer.status_code, answer.text

    def fill(self, text: str) -> str:
        """Return a path or a body with what its names stand for."""
        return re.sub(r"<(\w+)>", lambda name: self.names[name[1]], text)


@pytest.fixture(scope="module")
def world(service: Service) -> World:
    domain = make_domain()
    point, other = (make_point(service, domain=domain) for _ in range(2))
    owner = make_caller(service, domain=domain)
    names = {
        "id": str(point.id),
        "code": point.code,
        "token": point.token_local,
        "number": NUMBER,
        "transid": make_transid(),
        "other": make_transid(),
        "correlationid": "c-of-this-domain",
        "tid": make_transid(),
        "profiled": make_transid(),
        "one": '"count":1,',
        "window": window(),
    }
    names |= _held(service, point, owner, names)
    strangers = {
        "another domain": make_caller(service, domain=make_domain()),
        "another point": make_caller(service, domain=domain, point_ids=[other.id]),
    }
    return World(service, owner, strangers, names)


def _held(
    service: Service, point: Point, owner: Caller, names: Mapping[str, str]
) -> Mapping[str, str]:
    """Leave something of every kind at the point; return the ids of what was sent."""
    placed = make_caller(service, domain=owner.domain, point_ids=[point.id])
    send = placed.record(
        transid=names["transid"],
        correlationid=names["correlationid"],
        destinations=[NUMBER],
        sender="SENDER",
        text=TEXT,
        tag=TAG,
        requested_at=ago(hours=1),
    )
    event = {"channel": "sms", "event": "click", "tid": "e", "transid": names["transid"]}
    delivered = receipt(names["transid"], "Delivered", destination=NUMBER, code="7599")
    done = {"customerId": "c", "code": "1000", "description": TEXT}
    profiles = {
        "TotalCount": 1,
        "SuccessCount": 1,
        "FailureCount": 0,
        "code": "1000",
        "description": "SUCCESS",
        "Results": [done],
        "transid": names["profiled"],
    }
    said = message(oa=NUMBER, da="SENDER", text=TEXT, tid=names["tid"])
    ids = [service.hook(point, body).json["id"] for body in (delivered, said, event)]
    assert service.hook(point, profiles).status_code == 200
    quarantine = {"held": held(service, point, {"odd": TEXT})}
    counted = owner.post("/quarantine/discard", json={}).json
    job = owner.post("/quarantine/discard", json={"confirm": counted["confirm"]}).json["id"]
    assert len(owner.get("/receipts?raw=true").json["items"]) == 1  # which the audit log tells
    return {
        "send_id": send["id"],
        **quarantine,
        "job": job,
        "registered": placed.record(destinations=[NUMBER])["id"],
        **dict(zip(("receipt_id", "message_id", "event_id"), ids, strict=True)),
    }


def test_every_route_that_needs_a_key_is_asked() -> None:
    documented = {
        (path, method.upper())
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if operation["security"] and PLATFORM_KEY not in operation["security"]
    } - OF_THE_SERVER

    assert documented == ASKED.keys()


def test_no_count_is_told_to_who_may_not_see_it(world: World) -> None:
    path = "/stats?bucket=day&by="
    own = world.owner.get(f"{path}point").json["items"]
    assert any(each["deliveries"] for each in own)
    for stranger in world.strangers.values():
        for by in ("point", "tag", "channel", "sender", "code", "status", "outcome", "carrier"):
            assert stranger.get(f"{path}{by}").json["items"] == []
        days = stranger.get("/stats?bucket=day").json["items"]
        assert days
        assert [day for day in days if any(day[each] for each in ("sends", "deliveries"))] == []


def _changes(case: Any) -> bool:
    """Whether a case changes what others ask for."""
    changes: bool = case.values[1].changes
    return changes


CASES: Final = sorted(
    [
        pytest.param(method, asked, id=f"{method} {asked.path} {asked.body or ''}")
        for (_, method), all_asked in ASKED.items()
        for asked in all_asked
    ],
    key=_changes,
)


@pytest.mark.parametrize(("method", "asked"), CASES)
def test_nothing_is_told_to_who_may_not_see_it(world: World, method: str, asked: Asked) -> None:
    said = world.fill(asked.path + (asked.body or "") + asked.follows)
    words = {*world.names.values(), TEXT, TAG, "7599"}
    told = {}
    for name, stranger in world.strangers.items():
        status, text = world.ask(stranger, method, asked)
        assert status == asked.refused, (name, text)
        told[name] = [word for word in words if word in text and word not in said]

    assert told == {"another domain": [], "another point": []}


@pytest.mark.parametrize(("method", "asked"), CASES)
def test_who_may_see_it_is_told(world: World, method: str, asked: Asked) -> None:
    status, text = world.ask(world.owner, method, asked)

    assert status in (200, 204), text
    assert status == 204 or any(word in text for word in world.names.values())


def test_a_send_is_not_compared_with_what_its_recorder_may_not_see(world: World) -> None:
    transid = make_transid()
    world.owner.record(transid=transid, text=TEXT, tag=TAG, requested_at=ago(hours=1))
    for stranger in world.strangers.values():
        assert stranger.record(transid=transid, text="guessed", tag="guessed")["differs"] == []
    assert world.owner.record(transid=transid, text="guessed")["differs"] == ["text"]
    assert world.owner.send(transid)["text"] == TEXT
