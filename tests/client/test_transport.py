"""How requests travel, against a server that fails as it is told."""

import logging
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from receiver.client import (
    BadRequestError,
    ConflictError,
    ExpiredCursorError,
    ForbiddenError,
    NotFoundError,
    Patience,
    ProblemError,
    Receiver,
    TooLargeError,
    UnauthorisedError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from receiver.client.transport import parameters
from tests.client.conftest import KEY


def problem(status: int, **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": "?", "status": status, "detail": "because", **more}


def answers(server: HTTPServer, *statuses: int, **headers: str) -> list[Request]:
    """Answer with one status after the other; the last is answered for ever."""
    asked: list[Request] = []

    def handle(request: Request) -> Response:
        status = statuses[min(len(asked), len(statuses) - 1)]
        asked.append(request)
        if status == HTTPStatus.OK:
            return Response('{"items": [], "next": null}', content_type="application/json")
        return Response("{}", status, headers=headers)

    server.expect_request("/api/v1/sends").respond_with_handler(handle)
    return asked


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, UnauthorisedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ExpiredCursorError),
        (413, TooLargeError),
        (418, ProblemError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_every_problem_is_an_error_of_its_own(
    httpserver: HTTPServer, receiver: Receiver, status: int, error: type[ProblemError]
) -> None:
    answer = problem(status, errors={"limit": ["must be a number from 1 to 1000"]})
    httpserver.expect_request("/api/v1/sends").respond_with_json(answer, status=status)

    with pytest.raises(ProblemError, match="because") as raised:
        list(receiver.sends.list())

    assert type(raised.value) is error
    assert raised.value.status == status
    assert raised.value.errors == {"limit": ["must be a number from 1 to 1000"]}


def test_an_error_page_of_a_balancer_is_an_error_too(
    httpserver: HTTPServer, receiver: Receiver
) -> None:
    httpserver.expect_request("/api/v1/sends").respond_with_data("<h1>no</h1>", status=403)

    with pytest.raises(ForbiddenError, match="no reason was given"):
        list(receiver.sends.list())


def test_it_comes_again_until_it_is_served(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float]
) -> None:
    asked = answers(httpserver, 503, 502, 200)

    assert list(receiver.sends.list()) == []

    assert len(asked) == 3
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1


def test_it_comes_again_when_it_is_asked_to(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float]
) -> None:
    answers(httpserver, 503, 200, **{"Retry-After": "7"})

    list(receiver.sends.list())

    assert 7 < pauses[0] <= 7.5


def test_it_gives_up_after_all_attempts(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float]
) -> None:
    asked = answers(httpserver, 503, **{"Retry-After": "5"})

    with pytest.raises(UnavailableError) as raised:
        list(receiver.sends.list())

    assert (len(asked), len(pauses)) == (4, 3)
    assert raised.value.retry_after_seconds == 5


def test_it_does_not_wait_for_an_hour(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float]
) -> None:
    answers(httpserver, 503, **{"Retry-After": "3600"})

    with pytest.raises(UnavailableError):
        list(receiver.sends.list())

    assert pauses == []


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_what_would_not_help_is_not_tried_again(
    httpserver: HTTPServer, receiver: Receiver, pauses: list[float], status: int
) -> None:
    asked = answers(httpserver, status)

    with pytest.raises(ProblemError):
        list(receiver.sends.list())

    assert (len(asked), pauses) == (1, [])


def test_a_line_that_is_cut_is_tried_again(pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    receiver = Receiver(f"http://127.0.0.1:{port}", KEY, sleep=pauses.append)

    with pytest.raises(UnreachableError, match="NewConnectionError"):
        list(receiver.sends.list(destination="447700900123"))

    assert len(pauses) == 3


def test_an_answer_that_does_not_come_ends_in_time(pauses: list[float]) -> None:
    patience = Patience(read_seconds=0.05, attempts=2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # whose backlog answers nobody
        port = server.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        receiver = Receiver(url, KEY, patience=patience, sleep=pauses.append)
        with pytest.raises(UnreachableError, match="ReadTimeoutError"):
            list(receiver.sends.list())

    assert len(pauses) == 1


def test_the_key_goes_nowhere_else(httpserver: HTTPServer, receiver: Receiver) -> None:
    elsewhere = httpserver.url_for("/elsewhere")
    httpserver.expect_request("/api/v1/sends").respond_with_data(
        status=302, headers={"Location": elsewhere}
    )

    with pytest.raises(UnreadableError, match="302"):
        list(receiver.sends.list())

    assert [request.path for request, _ in httpserver.log] == ["/api/v1/sends"]


@pytest.mark.parametrize("body", ["<html>", '{"items": 3}', '{"items": [{}]}', "[]", "\xff"])
def test_what_is_no_answer_is_not_taken_for_one(
    httpserver: HTTPServer, receiver: Receiver, body: str
) -> None:
    httpserver.expect_request("/api/v1/sends").respond_with_data(body.encode("latin-1"))

    with pytest.raises(UnreadableError):
        list(receiver.sends.list())


def test_who_asks_is_shown_to_receiver_alone(httpserver: HTTPServer, receiver: Receiver) -> None:
    httpserver.expect_request(
        "/api/v1/sends", headers={"Authorization": f"Bearer {KEY}"}
    ).respond_with_json({"items": [], "next": None})

    list(receiver.sends.list())

    assert repr(receiver).startswith("Receiver('http://127.0.0.1:")
    assert KEY not in repr(receiver)


def test_numbers_are_in_no_log(
    httpserver: HTTPServer, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    answers(httpserver, 503, 200)

    with caplog.at_level(logging.DEBUG):
        list(receiver.sends.list(destination="447700900123"))

    ours = [each.getMessage() for each in caplog.records if each.name != "werkzeug"]  # the server's
    assert any("/api/v1/sends" in line for line in ours)
    assert not any("447700900123" in line or KEY in line for line in ours)


@pytest.mark.parametrize("url", ["", "receiver.example", "ftp://x", "https://", "https://a:b@x"])
def test_a_url_that_leads_nowhere_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Receiver(url, KEY)


@pytest.mark.parametrize("key", ["", "a\nb", "schlüssel"])
def test_a_key_that_can_be_none_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="the key must be") as raised:
        Receiver("https://receiver.example", key)

    assert not key or key not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"tag": None}, []),
        ({"tag": "otp"}, [("tag", "otp")]),
        ({"tag": ["a", "b"]}, [("tag", "a"), ("tag", "b")]),
        ({"recorded": True, "limit": 5}, [("recorded", "true"), ("limit", "5")]),
    ],
)
def test_filters_are_parameters(given: dict[str, Any], sent: Sequence[tuple[str, str]]) -> None:
    assert parameters(given) == sent
