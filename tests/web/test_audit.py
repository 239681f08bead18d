"""The audit log: what is written, and how it is read."""

import getpass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from receiver.store import audit
from receiver.store.audit import Act
from tests.web.service import Caller, Service, ago, make_caller


def write(service: Service, caller: Caller, act: Act) -> None:
    with Session(service.engine) as session, session.begin():
        audit.record(session, act, who=audit.by_shell(), domain=caller.domain)


def acts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["what"] for item in answer.json["items"]]


def test_a_line_says_who_did_what(service: Service, caller: Caller) -> None:
    before = {"code": "otp", "token_local": "s", "opts": {"tokens": ["s"], "title": ""}}
    write(
        service,
        caller,
        Act(verb="point.update", kind="point", ids=["1"], before=before, after=[None, True]),
    )

    [line] = caller.get("/audit").json["items"]

    assert line == {
        "id": line["id"],
        "at": line["at"],
        "what": "point.update",
        "who": {"kind": "shell", "name": getpass.getuser(), "key_id": None},
        "kind": "point",
        "ids": ["1"],
        "before": {"code": "otp", "token_local": "***", "opts": {"tokens": "***", "title": ""}},
        "after": [None, True],
    }


def test_filters_narrow_the_log(service: Service, caller: Caller) -> None:
    caller.get("/messages?raw=true")
    write(service, caller, Act(verb="person.forget", kind="person"))
    key = next(line["who"] for line in caller.get("/audit").json["items"] if line["who"]["key_id"])

    for query, found in {
        "": ["person.forget", "raw.read"],
        "what=raw.read": ["raw.read"],
        "what=nothing": [],
        f"who={key['name']}": ["raw.read"],
        f"who={key['key_id']}": ["raw.read"],
        f"who={getpass.getuser()}": ["person.forget"],
        f"since={ago(days=1)}": ["person.forget", "raw.read"],
        f"until={ago(days=1)}": [],
    }.items():
        assert acts(caller.get(f"/audit?{query}")) == found, query


def test_pages_are_newest_first(service: Service, caller: Caller) -> None:
    for number in range(5):
        write(service, caller, Act(verb=f"v{number}", kind="thing"))

    first = caller.get("/audit?limit=3")
    second = caller.get(f"/audit?limit=3&cursor={first.json['next']}")

    assert acts(first) + acts(second) == ["v4", "v3", "v2", "v1", "v0"]
    assert second.json["next"] is None


def test_it_is_for_administrators_of_the_domain(service: Service, caller: Caller) -> None:
    write(service, caller, Act(verb="v", kind="thing"))

    assert acts(make_caller(service, domain="elsewhere").get("/audit")) == []
    reader = make_caller(service, domain=caller.domain, scopes=["read:pii"])
    assert reader.get("/audit").status_code == 403
    assert caller.get("/audit?before=1").status_code == 400


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)

    assert audit.by_shell().name == "54321"
