"""Asking again: cheap for a second, never wrong for longer, and for nobody else."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Response
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from receiver.domain.errors import StoreAwayError
from receiver.store import keys
from receiver.web.polling import Polls, Question
from receiver.web.rooms import rooms_of
from tests.web.listing import window
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    receipt,
    running,
)

HELD = ETags(["a"])


@dataclass
class Clock:
    """Time in the test's hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Store:
    """What is looked up, and how often."""

    etag: str = "a"
    looks: int = 0

    def look(self) -> Response:
        self.looks += 1
        response = Response("body", headers={"Link": "<next>"})
        response.set_etag(self.etag)
        return response


@dataclass
class Polling:
    """A caller of an application whose memory goes by the clock in hand."""

    service: Service
    clock: Clock
    caller: Caller

    def ask(self, path: str, etag: str, caller: Caller | None = None) -> Any:
        return (caller or self.caller).get(path, headers={"If-None-Match": etag})

    def etag(self, path: str, caller: Caller | None = None) -> str:
        """Ask for something and then ask again, so that its answer is remembered."""
        self.clock.now += 5
        etag: str = (caller or self.caller).get(path).headers["ETag"]
        assert self.ask(path, etag, caller).status_code == 304
        return etag

    def listed(self, path: str, etag: str) -> Any:
        """Ask again holding several answers, which is nothing for the shortest way."""
        return self.ask(path, f'"another", {etag}')

    def deliver(self, transid: str) -> None:
        """Let something change, not through the API."""
        self.service.hook(self.point, receipt(transid, "Delivered"))

    def __post_init__(self) -> None:
        self.point = make_point(self.service, domain=self.caller.domain)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def application(database_url: str, clock: Clock) -> Iterator[Service]:
    with running(database_url) as service:
        rooms = replace(rooms_of(service.app), polls=Polls(clock=clock))
        service.app.extensions["receiver"] = rooms
        yield service


@pytest.fixture
def polling(application: Service, clock: Clock) -> Polling:
    return Polling(application, clock, make_caller(application, domain=make_domain()))


@pytest.mark.parametrize("path", ["/sends?limit=1", "/sends/{}", "/deliveries", "/stats"])
def test_who_asks_again_is_at_most_a_second_behind(polling: Polling, path: str) -> None:
    transid = make_transid()
    for name in (make_transid(), transid):
        polling.caller.record(transid=name)
    path, clock = path.format(transid), polling.clock
    etag = polling.etag(path)
    looked_up = polling.ask(path, etag)
    polling.deliver(transid)

    clock.now += 0.99
    remembered, listed = polling.ask(path, etag), polling.listed(path, etag)
    fresh = polling.caller.get(path)
    clock.now += 0.01
    late = polling.ask(path, etag)

    assert (remembered.status_code, remembered.data) == (304, b"")
    seen = [{**answer.headers, "X-Request-ID": ""} for answer in (remembered, looked_up, listed)]
    assert seen[0] == seen[1] == seen[2]
    assert listed.status_code == 304
    assert remembered.headers["Receiver-Ledger"].startswith("complete=true")
    assert fresh.headers["ETag"] == late.headers["ETag"] != etag
    assert late.json == fresh.json
    assert polling.ask(path, etag).json == fresh.json  # another answer is known, and is not theirs


def test_who_records_sees_it_at_once(polling: Polling) -> None:
    etag = polling.etag("/sends")
    id_ = polling.caller.record(destinations=["447700900123"])["id"]

    registered = polling.ask("/sends", etag)
    etag = polling.etag(f"/sends/{id_}")
    polling.caller.patch(f"/sends/{id_}", json={"transid": make_transid()})

    assert registered.status_code == polling.ask(f"/sends/{id_}", etag).status_code == 200


def test_what_one_key_was_told_holds_for_those_who_see_the_same(polling: Polling) -> None:
    transid = make_transid()
    polling.deliver(transid)
    recent, domain = f"/sends?{window()}", polling.caller.domain
    etag = polling.etag(recent)
    elsewhere = make_point(polling.service, domain=domain)
    same = make_caller(polling.service, domain=domain)
    masked = make_caller(polling.service, domain=domain, scopes=["read"])
    narrowed = make_caller(polling.service, domain=domain, point_ids=[elsewhere.id])
    foreign = make_caller(polling.service, domain=make_domain())
    polling.deliver(make_transid())

    assert polling.ask(recent, etag, same).status_code == 304
    for caller in (masked, narrowed, foreign):
        answer = polling.ask(recent, etag, caller)
        assert (answer.status_code, answer.json) == (200, caller.get(recent).json)
    etag = polling.etag(f"/sends/{transid}")
    assert polling.ask(f"/sends/{transid}", etag, masked).status_code == 200
    for caller in (narrowed, foreign):
        assert polling.ask(f"/sends/{transid}", etag, caller).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param("/sends?limit=7", 304, id="the same"),
        pytest.param("/sends?limit=8", 200, id="another page"),
        pytest.param("/sends?limit=7&tag=x", 200, id="another filter"),
        pytest.param("/sends?limit=7&limit=7", 400, id="bad input"),
    ],
)
def test_another_question_is_another(polling: Polling, asked: str, status: int) -> None:
    polling.deliver(make_transid())
    etag = polling.etag("/sends?limit=7")
    polling.deliver(make_transid())

    assert polling.ask(asked, etag).status_code == status


def test_what_is_posted_is_no_question(polling: Polling) -> None:
    etag = polling.etag("/sends")

    answer = polling.caller.post(
        "/sends", json={"transid": make_transid()}, headers={"If-None-Match": etag}
    )

    assert answer.status_code == 201


def test_a_list_as_csv_is_never_remembered(polling: Polling) -> None:
    etag, accept = polling.etag("/sends"), {"Accept": "text/csv"}

    for _ in range(2):
        answer = polling.caller.get("/sends", headers={**accept, "If-None-Match": etag})
        with answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/csv")
            assert "ETag" not in answer.headers


def test_what_waits_or_is_written_down_is_always_read(polling: Polling) -> None:
    transid = make_transid()
    polling.deliver(transid)
    waiting, raw = f"/sends/{transid}?wait=0", "/receipts?raw=true"
    etags = {path: polling.etag(path) for path in (waiting, raw)}
    acts = len(polling.caller.get("/audit").json["items"])
    polling.ask(raw, etags[raw])
    polling.service.hook(polling.point, receipt(transid, "Read"))

    assert polling.ask(waiting, etags[waiting]).status_code == 200
    assert len(polling.caller.get("/audit").json["items"]) == acts + 1


def test_a_revoked_key_gets_no_304(polling: Polling) -> None:
    etag = polling.etag("/sends")
    with Session(polling.service.engine) as session:
        keys.revoke(session, polling.caller.secret[:11])
        session.commit()
    polling.service.client.get("/api/v1/sends", headers={"Authorization": "Bearer unknown"})

    assert polling.ask("/sends", etag).status_code == 401


def question(path: str = "/sends", domain: str = "default") -> Question:
    return Question(domain=domain, who=(), path=path, query="", accept="")


def test_it_remembers_so_many_answers_and_no_more() -> None:
    polls, store = Polls(clock=Clock(), most=2), Store()
    for path in ("one", "two", "three"):
        polls.ask(question(path), HELD, store.look)

    statuses = [
        polls.ask(question(path), HELD, store.look).status_code for path in ("three", "two")
    ]

    assert (statuses, store.looks) == ([304, 304], 3)
    polls.ask(question("one"), HELD, store.look)
    assert store.looks == 4


def test_what_was_looked_up_while_something_was_written_does_not_hold() -> None:
    clock = Clock()
    polls, store = Polls(clock=clock), Store()

    def look() -> Response:
        found = store.look()
        clock.now += 0.1
        polls.forget("default")
        return found

    for domain in ("default", "another"):
        polls.ask(question(domain=domain), HELD, look)

    polls.ask(question(domain="another"), HELD, store.look)
    assert store.looks == 2
    polls.ask(question(domain="default"), HELD, store.look)
    assert store.looks == 3


def test_an_answer_is_as_old_as_its_question() -> None:
    clock = Clock()
    polls, store = Polls(clock=clock), Store()

    def look() -> Response:
        clock.now += 1.5
        return store.look()

    for _ in range(2):
        polls.ask(question(), HELD, look)

    assert store.looks == 2


def test_those_who_come_together_share_one_look() -> None:
    polls, store = Polls(clock=Clock()), Store()
    begun, go_on = threading.Event(), threading.Event()

    def look() -> Response:
        begun.set()
        assert go_on.wait(5)
        return store.look()

    answers: list[int] = []

    def ask() -> None:
        answers.append(polls.ask(question(), HELD, look).status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(5)

    assert (sorted(answers), store.looks) == ([200, 304, 304, 304, 304], 1)


def test_a_look_that_fails_stands_in_nobodys_way() -> None:
    polls, store = Polls(clock=Clock()), Store()

    def fail() -> Response:
        raise StoreAwayError("away")

    for _ in range(2):
        with pytest.raises(StoreAwayError):
            polls.ask(question(), HELD, fail)

    assert polls.ask(question(), HELD, store.look).status_code == 200
    assert store.looks == 1
