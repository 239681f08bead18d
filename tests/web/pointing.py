"""Asking for integration points, as tests do."""

import json
from typing import Any
from urllib.parse import quote

from tests.web.service import Caller

PATH = "/rest/v1/service/integration_points"


def ask(caller: Caller, method: str, path: str = "", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {caller.secret}", **more.pop("headers", {})}
    client = caller.service.client
    return client.open(f"{PATH}{path}", method=method, headers=headers, **more)


def make(caller: Caller, code: str = "otp", **more: Any) -> Any:
    answer = ask(caller, "POST", json={"code": code, "type": "public", **more})
    assert answer.status_code == 200, answer.json
    return answer.json


def patch(caller: Caller, point: Any, **changes: Any) -> Any:
    return ask(caller, "PATCH", f"/{point['id']}", json=changes)


def refused(answer: Any, status: int, *said: str) -> None:
    assert answer.status_code == status, answer.json
    assert answer.json["error_code"] == 1000 + status
    assert list(answer.json) == ["error_code", "error_message"]
    for each in said:
        assert each in answer.json["error_message"]


def listed(caller: Caller, **query: Any) -> Any:
    said = "&".join(
        f"{name}={quote(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in query.items()
    )
    return ask(caller, "GET", f"?{said}")


def codes(caller: Caller, **query: Any) -> list[str]:
    answer = listed(caller, **query)
    assert answer.status_code == 200, answer.json
    return [each["code"] for each in answer.json]
