"""Promises that every route and every error keeps."""

import inspect
import re

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from receiver.domain import errors as domain_errors
from receiver.domain.errors import ReceiverError, SlowQueryError
from receiver.store.database import make_engine
from receiver.store.reading import reading
from receiver.web.auth import PUBLIC, declared
from receiver.web.errors import STATUSES
from receiver.web.openapi import DOCUMENT
from tests.conftest import MakeDatabase
from tests.web.service import (
    Service,
    make_caller,
    make_point,
    make_transid,
    receipt,
    running,
)

SCOPES = {PUBLIC, "read", "read:pii", "send", "admin"}


def test_every_error_has_a_status() -> None:
    classes = {
        each
        for _, each in inspect.getmembers(domain_errors, inspect.isclass)
        if issubclass(each, ReceiverError)
    }

    assert STATUSES.keys() == classes


def test_every_route_declares_who_may_ask(service: Service) -> None:
    for rule in service.app.url_map.iter_rules():
        assert declared(service.app.view_functions[rule.endpoint]) in SCOPES, rule.endpoint


def test_without_a_key_only_what_must_be_is_open(service: Service) -> None:
    views = service.app.view_functions
    rules = list(service.app.url_map.iter_rules())
    open_ = {rule.rule for rule in rules if declared(views[rule.endpoint]) == PUBLIC}

    assert open_ == {
        "/hooks/<token>",
        "/hooks/<token>/<rest:rest>",
        "/health/live",
        "/health/ready",
        "/api/openapi.json",
        "/api/docs",
        "/api/docs/<name>",
    }


#: The document can't hold it: it is told there as a POST that says what it means.
LOOKUP = ("/rest/v1/service/integration_points", "LOOKUP")


def test_every_route_is_documented(service: Service) -> None:
    documented = {
        (path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    routed = set()
    for rule in service.app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        methods = {"GET", "POST"} if rule.methods is None else rule.methods - {"HEAD", "OPTIONS"}
        routed |= {(path, method) for method in methods}

    assert routed == documented | {LOOKUP}


def test_the_document_is_served_to_all(service: Service) -> None:
    answer = service.client.get("/api/openapi.json")

    assert answer.json == DOCUMENT


def test_live_and_ready(service: Service) -> None:
    assert service.client.get("/health/live").json == {"status": "live"}
    ready = service.client.get("/health/ready")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")
    assert ready.json["parts"]["database"]["status"] == "ok"


def test_without_postgres_it_lives_and_is_not_ready() -> None:
    with running("postgresql://nobody@127.0.0.1:1/nothing") as service:
        assert service.client.get("/health/live").status_code == 200
        ready = service.client.get("/health/ready")
        assert (ready.status_code, ready.json["status"]) == (503, "unready")
        assert ready.json["parts"]["database"]["status"] == "away"
        answer = service.client.get("/api/v1/sends", headers={"Authorization": "Bearer x"})
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
        assert answer.headers["Retry-After"]


def test_when_postgres_goes_away_callers_are_asked_to_come_again(
    make_database: MakeDatabase, postgres_url: str
) -> None:
    url = make_database()
    with running(url) as service:
        point, caller = make_point(service), make_caller(service)
        body = receipt(make_transid(), "Delivered")
        assert service.hook(point, body).status_code == caller.get("/sends").status_code == 200
        name = conninfo_to_dict(url)["dbname"]
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(str(name))))

        hook = service.hook(point, body)
        read, write = caller.get("/sends"), caller.post("/sends", json={"transid": "t"})

    for answer in (hook, read, write):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert str(name) not in answer.text
    assert hook.json == {"error": "the store is away or late: come again"}
    assert read.content_type == write.content_type == "application/problem+json"


def test_a_slow_query_is_503_and_says_how_to_narrow_it(service: Service) -> None:
    hasty = make_engine(service.url, statement_seconds=0.05)
    with pytest.raises(SlowQueryError) as slow, reading(hasty) as session:
        session.execute(text("SELECT pg_sleep(1)"))
    hasty.dispose()

    with service.app.test_request_context("/api/v1/deliveries"):
        answer = service.app.make_response(service.app.handle_user_exception(slow.value))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "since and until" in answer.get_json()["detail"]


def test_what_nobody_foresaw_is_500_here_and_503_on_hooks(service: Service) -> None:
    with running(service.url) as broken:
        rooms = broken.app.extensions["receiver"]
        broken.app.extensions["receiver"] = None

        api = broken.client.get("/api/v1/sends", headers={"Authorization": "Bearer x"})
        hook = broken.client.post("/hooks/x", data=b"{}")

        broken.app.extensions["receiver"] = rooms
    assert (api.status_code, api.json["detail"]) == (500, "something went wrong on our side")
    assert (hook.status_code, hook.headers["Retry-After"]) == (503, "5")
