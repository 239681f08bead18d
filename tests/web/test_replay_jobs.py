"""Replaying many: counted, confirmed, and done by the worker piece by piece."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.orm import Session

from receiver.cli.replaying import SKIPPED, TURN_SECONDS, QuarantineJobs
from receiver.cli.worker import _duties
from receiver.domain.errors import StoreAwayError
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import jobs
from receiver.store.database import connect
from receiver.store.job_tables import JobRow
from receiver.store.jobs import Step
from receiver.store.points import Point
from receiver.web.quarantine_shapes import Count, JobList, JobShape
from tests.conftest import MakeDatabase
from tests.web.listing import items, pages
from tests.web.quarantined import held, keep, replay, show
from tests.web.service import (
    Caller,
    Service,
    ago,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    receipt,
    running,
)
from tests.web.test_admission import SECRET, make_signed
from tests.web.test_admission import keep as keep_secrets


@pytest.fixture
def connection(service: Service) -> Iterator[psycopg.Connection[Any]]:
    with connect(service.url) as connection:
        yield connection


@pytest.fixture
def transids(service: Service, point: Point) -> list[str]:
    """Sends whose receipts were not understood once."""
    made = [make_transid() for _ in range(5)]
    for transid in made:
        raw = json.dumps(receipt(transid, "Delivered")).encode()
        keep(service.url, point, raw, "unrecognised")
    return made


def begin(caller: Caller, act: str = "replay", **given: Any) -> Any:
    counted = caller.post(f"/quarantine/{act}", json=given)
    assert counted.status_code == 200, counted.json
    assert Count().validate(counted.json) == {}
    confirm = counted.json["confirm"]
    answer = caller.post(f"/quarantine/{act}", json={**given, "confirm": confirm})
    assert answer.status_code == 202, answer.json
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"
    return look(caller, answer.json["id"])


def look(caller: Caller, id_: str) -> Any:
    answer = caller.get(f"/jobs/{id_}")
    assert answer.status_code == 200, answer.json
    assert JobShape().validate(answer.json) == {}
    return answer.json


def make_jobs(service: Service, *, pieces: int = 1000, piece_facts: int = 50) -> QuarantineJobs:
    """Jobs of which a turn does so many pieces."""
    step = TURN_SECONDS / (pieces + 0.5)
    return QuarantineJobs(
        service.engine,
        service.app.extensions["receiver"].replayer,
        piece_facts=piece_facts,
        clock=itertools.count(step=step).__next__,
    )


def states(caller: Caller) -> list[str]:
    return [item["state"] for item in items(caller.get("/quarantine"))]


def test_a_job_replays_what_was_counted(
    service: Service,
    caller: Caller,
    point: Point,
    transids: list[str],
    connection: psycopg.Connection[Any],
) -> None:
    begun = begin(caller)
    later = held(service, point, b"{")

    make_jobs(service).turn(connection)

    job = look(caller, begun["id"])
    assert (begun["state"], begun["total"], begun["done"]) == ("waiting", 5, 0)
    assert (job["state"], job["done"], job["results"]) == ("done", 5, {"accepted": 5})
    assert job["ended_at"]
    for transid in transids:
        assert caller.send(transid)["deliveries"][0]["status"] == "delivered"
    assert states(caller) == ["open"] + ["replayed"] * 5
    assert show(caller, later)["replays"] == []
    [tried] = items(caller.get("/quarantine?state=replayed&limit=1"))[0]["replays"]
    assert (tried["job"], tried["who"]["name"]) == (job["id"], caller.secret[:11])
    [line] = items(caller.get("/audit?what=job.begin"))
    assert (line["ids"], line["after"]["total"]) == ([job["id"]], 5)


def test_many_are_discarded_but_what_is_replayed(
    service: Service,
    caller: Caller,
    point: Point,
    transids: list[str],
    connection: psycopg.Connection[Any],
) -> None:
    small = make_point(service, domain=caller.domain, max_body=1000)
    held(service, small, b"[" + b" " * 3000, 413)
    first = items(caller.get("/quarantine"))[-1]["id"]
    replay(caller, first)
    job = begin(caller, "discard", state=["open", "replayed"])

    make_jobs(service).turn(connection)

    found = look(caller, job["id"])
    assert (found["kind"], found["state"]) == ("quarantine.discard", "done")
    assert (found["total"], found["results"]) == (6, {"discarded": 6})
    assert states(caller) == ["discarded"] * 5 + ["replayed"]
    confirm = caller.post("/quarantine/replay", json={"state": "discarded"}).json["confirm"]
    other = caller.post("/quarantine/discard", json={"state": "discarded", "confirm": confirm})
    assert (other.status_code, list(other.json["errors"])) == (400, ["confirm"])


def test_filters_choose_what_is_replayed(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    other = make_point(service, domain=caller.domain)
    mine = held(service, other, b"{")
    caller.post(f"/quarantine/{held(service, other, b'[')}/discard")
    since = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    for given, count in (
        ({}, 6),
        ({"state": "discarded"}, 1),
        ({"reason": "not_json"}, 1),
        ({"reason": ["bad_field", "disabled"]}, 0),
        ({"answered": "400"}, 6),
        ({"since": since}, 0),
        ({"point": other.code}, 1),
    ):
        assert caller.post("/quarantine/replay", json=given).json["count"] == count, given
    job = begin(caller, point=other.code)
    make_jobs(service).turn(connection)

    assert look(caller, job["id"])["results"] == {"quarantined": 1}
    assert len(show(caller, mine)["replays"]) == 1
    assert states(caller).count("replayed") == 0


def test_what_an_array_falls_into_is_not_taken_up_again(
    service: Service, caller: Caller, connection: psycopg.Connection[Any]
) -> None:
    point = make_point(service, domain=caller.domain, disabled=True)
    held(
        service, point, [receipt(make_transid(), "Delivered"), *({"odd": n} for n in range(5))], 200
    )
    job = begin(caller)

    for _ in range(3):
        make_jobs(service, pieces=1, piece_facts=1).turn(connection)

    job = look(caller, job["id"])
    assert (job["state"], job["total"], job["done"]) == ("done", 1, 1)
    assert job["results"] == {"accepted": 1, "quarantined": 5}
    assert sorted(states(caller)) == ["open"] * 5 + ["replayed"]


def test_it_goes_on_where_it_was(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    job = begin(caller)
    progress = []
    for _ in range(4):
        make_jobs(service, pieces=1, piece_facts=2).turn(connection)
        progress.append(look(caller, job["id"]))

    assert [each["done"] for each in progress] == [2, 4, 5, 5]
    assert [each["state"] for each in progress] == ["running", "running", "done", "done"]
    assert progress[-1]["results"] == {"accepted": 5}


def test_after_a_crash_nothing_is_lost_or_counted_twice(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    job = begin(caller)
    broken = connect(service.url)
    broken.execute("SELECT 1")
    make_jobs(service, pieces=1, piece_facts=2).turn(broken)
    broken.close()

    with pytest.raises((StoreAwayError, psycopg.Error)):
        make_jobs(service).turn(broken)
    assert look(caller, job["id"])["done"] == 2
    make_jobs(service).turn(connection)

    assert look(caller, job["id"])["results"] == {"accepted": 5}


def test_who_lost_a_job_to_another_worker_does_not_count(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    job = begin(caller)
    with Session(service.engine) as session:
        seen = session.get_one(JobRow, UUID(job["id"]))
    make_jobs(service, pieces=1, piece_facts=2).turn(connection)

    with Session(service.engine) as session, session.begin():
        step = Step(done=5, results={"accepted": 5}, place=None)
        counts = jobs.advance(session, seen, step)

    stopped = caller.delete(f"/jobs/{job['id']}").json
    assert (counts, stopped["done"], stopped["results"]) == (False, 2, {"accepted": 2})


def test_a_cancelled_job_stops_where_it_is(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    job = begin(caller)
    make_jobs(service, pieces=1, piece_facts=2).turn(connection)

    first, again = (caller.delete(f"/jobs/{job['id']}") for _ in range(2))
    make_jobs(service).turn(connection)

    assert (first.status_code, first.json["state"], again.json["state"]) == (
        *(200, "cancelled", "cancelled"),
    )
    assert look(caller, job["id"])["done"] == 2
    assert states(caller).count("open") == 3
    assert [line["what"] for line in items(caller.get("/audit?what=job.cancel"))] == ["job.cancel"]


def test_what_has_ended_can_t_be_cancelled(
    service: Service, caller: Caller, transids: list[str], connection: psycopg.Connection[Any]
) -> None:
    job = begin(caller)
    make_jobs(service).turn(connection)

    answer = caller.delete(f"/jobs/{job['id']}")

    assert (answer.status_code, answer.json["detail"]) == (409, "the job is done")


def test_a_confirmation_is_bound_to_its_question(
    service: Service, caller: Caller, point: Point, transids: list[str]
) -> None:
    confirm = caller.post("/quarantine/replay", json={}).json["confirm"]
    other = make_caller(service, domain=caller.domain, point_ids=[point.id])

    for asking, given in (
        (caller, {"trust": True}),
        (caller, {"reason": "not_json"}),
        (other, {}),
    ):
        answer = asking.post("/quarantine/replay", json={**given, "confirm": confirm})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["confirm"]), given
    [newest, *_] = items(caller.get("/quarantine"))
    caller.post(f"/quarantine/{newest['id']}/discard")
    answer = caller.post("/quarantine/replay", json={"confirm": confirm})
    assert (answer.status_code, "4" in answer.json["detail"]) == (409, True)


def test_jobs_are_listed_the_newest_first(
    service: Service, caller: Caller, transids: list[str]
) -> None:
    made = [begin(caller)["id"] for _ in range(3)]
    caller.delete(f"/jobs/{made[0]}")

    answer = caller.get("/jobs")

    assert JobList().validate(answer.json) == {}
    listed = [[job["id"] for job in page] for page in pages(caller, "/jobs?limit=2")]
    assert listed == [made[:0:-1], made[:1]]
    for query, number in (
        ("state=cancelled", 1),
        ("state=waiting,running", 2),
        (f"since={ago(hours=1)}", 3),
        (f"until={ago(hours=1)}", 0),
    ):
        assert len(items(caller.get(f"/jobs?{query}"))) == number, query


def test_points_that_there_are_not_are_told(caller: Caller) -> None:
    for act in ("replay", "discard"):
        answer = caller.post(f"/quarantine/{act}", json={"point": "none"})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["point"])


def test_where_there_is_nothing_nothing_is_begun(caller: Caller) -> None:
    answer = caller.post("/quarantine/replay", json={})

    assert (answer.json["count"], answer.json["confirm"]) == (0, None)


def test_a_narrowed_key_replays_and_sees_its_own_alone(
    service: Service,
    caller: Caller,
    point: Point,
    transids: list[str],
    connection: psycopg.Connection[Any],
) -> None:
    other = make_point(service, domain=caller.domain)
    theirs = keep(service.url, other, b'{"odd": 1}', "unrecognised")
    narrowed = make_caller(service, domain=caller.domain, point_ids=[point.id])
    stranger = make_caller(service, domain=make_domain())
    mine, all_ = begin(narrowed), begin(caller)

    assert (mine["total"], all_["total"]) == (5, 6)
    assert narrowed.get(f"/jobs/{all_['id']}").status_code == 404
    assert narrowed.delete(f"/jobs/{all_['id']}").status_code == 404
    assert stranger.get(f"/jobs/{mine['id']}").status_code == 404
    assert [job["id"] for job in items(caller.get("/jobs"))] == [all_["id"], mine["id"]]
    assert [job["id"] for job in items(narrowed.get("/jobs"))] == [mine["id"]]
    assert items(stranger.get("/jobs")) == []
    caller.delete(f"/jobs/{all_['id']}")
    make_jobs(service).turn(connection)
    assert look(narrowed, mine["id"])["results"] == {"accepted": 5}
    assert show(caller, theirs)["replays"] == []


def test_secrets_that_we_can_not_open_fail_the_job(
    service: Service, caller: Caller, point: Point, connection: psycopg.Connection[Any]
) -> None:
    signs = make_signed(service, caller, SECRET)
    held(service, signs, receipt(make_transid(), "Delivered"), 401)
    keep(service.url, point, json.dumps(receipt(make_transid(), "Read")).encode(), "bad_field")
    with Session(service.engine) as session:
        keep_secrets(session, signs, [SECRET], Sealer([bytes(32)]))
        session.commit()
    job = begin(caller)

    make_jobs(service).turn(connection)

    found = look(caller, job["id"])
    assert (found["state"], "secrets" in found["error"]) == ("failed", True)
    assert states(caller) == ["replayed", "open"]


def test_a_point_that_is_gone_is_passed_over(
    service: Service,
    caller: Caller,
    point: Point,
    transids: list[str],
    connection: psycopg.Connection[Any],
) -> None:
    job = begin(caller)
    connection.execute("DELETE FROM integration_points WHERE id = %s", [point.id])

    make_jobs(service).turn(connection)

    assert look(caller, job["id"])["results"] == {SKIPPED: 5}


def test_the_worker_does_it_and_forgets_it(make_database: MakeDatabase) -> None:
    url = make_database()
    with running(url) as service, connect(url) as connection:
        caller, point = make_caller(service), make_point(service)
        transid = make_transid()
        raw = json.dumps(receipt(transid, "Delivered")).encode()
        keep(url, point, raw, "bad_field")
        job = begin(caller)
        duties = {each.name: each for each in _duties(Settings(spool="off"), service.engine)}

        duties["quarantine"].work(connection)
        duties["forgetting_jobs"].work(connection)
        assert look(caller, job["id"])["state"] == "done"
        assert caller.send(transid)["deliveries"][0]["status"] == "delivered"
        connection.execute("UPDATE jobs SET ended_at = now() - %s", [jobs.KEPT])
        duties["forgetting_jobs"].work(connection)

        assert caller.get(f"/jobs/{job['id']}").status_code == 404
