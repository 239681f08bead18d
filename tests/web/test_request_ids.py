"""The id of a request: where it comes from, and where it comes back."""

import uuid

import pytest

from receiver.store.points import Point
from tests.web.service import Service, make_transid, receipt

MINE = "6f1c4d2e-9a4b-4b7f-8f6c-0123456789ab"


@pytest.mark.parametrize("given", [MINE, MINE.upper(), MINE.replace("-", "")])
def test_a_uuid_is_taken_over(service: Service, given: str) -> None:
    answer = service.client.get("/health/live", headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="nothing"),
        pytest.param("447700900123", id="number"),
        pytest.param("a text", id="text"),
        pytest.param(MINE + MINE, id="long"),
        pytest.param(MINE.replace("6", "g"), id="no UUID"),
        pytest.param("rk_" + 29 * "0", id="key"),
    ],
)
def test_anything_else_is_not(service: Service, given: str) -> None:
    answers = [
        service.client.get("/health/live", headers={"X-Request-ID": given}) for _ in range(2)
    ]

    first, second = (answer.headers["X-Request-ID"] for answer in answers)
    assert first != second
    assert given not in {first, second}
    assert uuid.UUID(first)


def test_a_token_is_no_id(service: Service, point: Point) -> None:
    token = {"X-Request-ID": point.token_local}
    service.hook(point, receipt(make_transid(), "Read"))

    assert (
        service.client.get("/health/live", headers=token).headers["X-Request-ID"]
        != point.token_local
    )
    guess = service.client.get(f"/hooks/{MINE}", headers={"X-Request-ID": MINE})
    assert guess.headers["X-Request-ID"] != MINE


@pytest.mark.parametrize("path", ["/nowhere", "/hooks/unknown", "/api/v1/sends", "/api/docs"])
def test_every_answer_has_one(service: Service, path: str) -> None:
    answer = service.client.get(path, headers={"X-Request-ID": MINE})

    assert answer.headers.getlist("X-Request-ID") == [MINE]
