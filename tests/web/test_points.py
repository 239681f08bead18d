"""Integration points over the API: what is taken, refused, kept and shown."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from receiver.settings import IN_FLIGHT_BYTES
from receiver.store import entities
from tests.web.pointing import PATH, ask, codes, listed, make, patch, refused
from tests.web.service import (
    Caller,
    Service,
    make_caller,
    make_domain,
    make_transid,
    receipt,
)


def test_a_new_point_has_what_nobody_said(caller: Caller, service: Service) -> None:
    point = make(caller)

    assert len(point["token_local"]) == 32
    assert point["opts"] == {"title": "", "comment": "", "allow_files_api": False, "issync": False}
    assert (point["token_remote"], point["url"], point["recv_svcscriptcode"]) == ("", "", "ws_hook")
    hooked = service.client.post(
        f"/hooks/{point['token_local']}", json=receipt(make_transid(), "Read")
    )
    assert hooked.status_code == 200


OPTIONS: Mapping[str, Any] = {
    "platform_url": "https://api.example.com",
    "profile_key": "profile-key",
    "signature": "required",
    "signature_secrets": ["one", {"secret": "two", "until": "2199-01-01T00:00:00.00Z"}],
    "allow_sha1": True,
    "allow_ips": ["192.0.2.0/24", "2001:db8::1"],
    "timezone": "Europe/London",
    "max_body": 2048,
    "notifyurl": "keep",
    "store_text": "none",
    "disabled": True,
}


def test_options_are_shown_once_they_are_set_and_the_entity_passes_unchanged(
    caller: Caller,
) -> None:
    point = make(caller, url="https://example.org/x?y=1", opts=dict(OPTIONS))

    assert {name: point["opts"][name] for name in OPTIONS} == OPTIONS
    assert point["token_remote2"] == "one"
    again = ask(caller, "PATCH", f"/{point['id']}", json=point)
    assert (again.status_code, again.json) == (200, point)
    note = again.headers["Receiver-Note"]
    assert note == "kept, and not acted on yet: url"
    assert again.headers["Cache-Control"] == "private, no-store"


def test_what_is_not_given_stays_and_null_takes_an_option_away(caller: Caller) -> None:
    point = make(caller, opts={"title": "Texts", "disabled": True})

    changed = patch(caller, point, opts={"comment": "by hand", "disabled": None}).json

    assert (changed["opts"]["comment"], changed["opts"]["title"]) == ("by hand", "Texts")
    assert "disabled" not in changed["opts"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"code": ""}, "code: must not be empty", id="code"),
        pytest.param({"colour": 1}, "colour", id="unknown"),
        pytest.param({"opts": {"colour": 1}}, "opts.colour", id="unknown option"),
        pytest.param({"opts": []}, "opts", id="no object"),
        pytest.param({"recv_svcscriptcode": "rm_rf"}, "ws_hook", id="receiving handler"),
        pytest.param({"send_svcscriptcode_ws": "ws_hook"}, "send_to_web", id="sending handler"),
        pytest.param({"url": "ftp://x"}, "url", id="url"),
        pytest.param({"url": None}, "url", id="url null"),
        pytest.param({"token_remote": "two\nlines"}, "token_remote", id="service key"),
        pytest.param({"token_remote": None}, "token_remote", id="service key null"),
        pytest.param({"opts": {"platform_url": "x"}}, "opts.platform_url", id="platform"),
        pytest.param({"opts": {"signature": "on"}}, "off, optional, required", id="signature"),
        pytest.param({"opts": {"signature": "required"}}, "needs a secret", id="no secret"),
        pytest.param({"opts": {"signature_secrets": [""]}}, "signature_secrets.0", id="secret"),
        pytest.param({"opts": {"signature_secrets": [{"secret": "x"}]}}, "until", id="end"),
        pytest.param({"opts": {"signature_secrets": ["x"] * 6}}, "at most 5", id="many secrets"),
        pytest.param({"opts": {"allow_ips": ["10.0.0.0/33"]}}, "allow_ips.0", id="network"),
        pytest.param({"opts": {"timezone": "Mars/Base"}}, "opts.timezone", id="zone"),
        pytest.param({"opts": {"max_body": 1}}, "opts.max_body", id="cap"),
        pytest.param(
            {"opts": {"max_body": IN_FLIGHT_BYTES + 1}}, "opts.max_body", id="cap past all room"
        ),
        pytest.param({"opts": {"max_body": "2048"}}, "whole number", id="cap as text"),
        pytest.param({"opts": {"notifyurl": "x"}}, "ours, keep", id="notifyurl"),
        pytest.param({"opts": {"store_text": "x"}}, "full, none", id="texts"),
        pytest.param({"opts": {"disabled": "true"}}, "opts.disabled", id="flag"),
        pytest.param({"opts": {"title": "\0"}}, "opts.title", id="NUL"),
        pytest.param({"id": make_transid()}, "id: is read-only", id="id"),
        pytest.param({"token_local": "0" * 32}, "token_local: is read-only", id="token"),
        pytest.param({"ext": {"ct": "2019-08-28T13:34:16.42Z"}}, "ext.ct: is read", id="times"),
        pytest.param(
            {"token_remote2": "a", "opts": {"signature_secrets": ["b"]}},
            "the first",
            id="two firsts",
        ),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    caller: Caller, given: dict[str, Any], said: str
) -> None:
    point = make(caller, code="kept")

    refused(patch(caller, point, **given), 400, said)

    assert ask(caller, "GET", f"/{point['id']}").json == point


def test_what_is_no_entity_is_refused(caller: Caller) -> None:
    refused(ask(caller, "POST", data=b"{"), 400, "body")
    refused(ask(caller, "POST", json="otp"), 400, "must be an object")
    refused(ask(caller, "POST", json={"code": "x"}), 400, "type")
    refused(ask(caller, "POST", json={}, headers={"X-HTTP-Method-Override": "PUT"}), 400, "LOOKUP")
    refused(ask(caller, "LOOKUP", json={}), 400, "must be a JSON text")
    refused(ask(caller, "PUT", json={}), 405)
    refused(ask(caller, "GET", "/nothing"), 404)
    refused(ask(caller, "DELETE", f"/{make_transid()}"), 404)


def test_the_keys_scope_and_domain_decide(service: Service, caller: Caller) -> None:
    point = make(caller)
    reader = make_caller(service, domain=caller.domain, scopes=["read:pii", "send"])
    stranger = make_caller(service, domain=make_domain())

    refused(ask(reader, "GET"), 403, "admin")
    refused(service.client.get(PATH), 401)
    assert listed(stranger).json == []
    for method in ("GET", "PATCH", "DELETE"):
        refused(ask(stranger, method, f"/{point['id']}", json={}), 404)
    refused(ask(stranger, "LOOKUP", json=point["token_local"]), 404)


def test_a_narrowed_key_has_its_points_alone(service: Service, caller: Caller) -> None:
    own, other = make(caller, "own"), make(caller, "other")
    narrowed = make_caller(service, domain=caller.domain, point_ids=[UUID(own["id"])])

    assert codes(narrowed) == ["own"]
    assert patch(narrowed, own, opts={"title": "x"}).status_code == 200
    refused(patch(narrowed, other, opts={"title": "x"}), 404)
    refused(ask(narrowed, "LOOKUP", json="other"), 404)
    refused(ask(narrowed, "POST", json={"code": "new", "type": "public"}), 403, "narrowed")


def test_what_is_taken_is_taken(service: Service, caller: Caller) -> None:
    point = make(caller, "a", token_local="A-token_of-somebody-else")
    other = make(caller, "b")
    stranger = make_caller(service, domain=make_domain())

    def post(who: Caller, **more: Any) -> Any:
        return ask(who, "POST", json={"code": "new", "type": "public", **more})

    refused(post(caller, code="a"), 409, "code")
    refused(patch(caller, other, code="a"), 409, "code")
    refused(post(stranger, token_local=point["token_local"]), 409, "token_local")
    refused(post(stranger, id=point["id"]), 409, "id")
    assert post(stranger, code="a").status_code == 200
    assert ask(caller, "DELETE", f"/{point['id']}").status_code == 204
    assert post(caller, code="a").status_code == 200


def test_the_list_is_narrowed_ordered_and_cut(caller: Caller) -> None:
    make(caller, "a", opts={"title": "Alpha"}, token_remote="key-a")
    make(caller, "b", type="telegram", opts={"title": "Beta", "disabled": True})
    last = make(caller, "c", opts={"title": "al_pha"})

    for wanted, found in (
        ({"code": "b"}, "b"),
        ({"code": ["a", "c", "x"]}, "ac"),
        ({"type": {"$ne": "public"}}, "b"),
        ({"opts.title": {"$like": "%lpha"}}, "a"),
        ({"opts": {"title": {"$like": "al\\_%"}}}, "c"),
        ({"opts.title": {"$like": "_l%"}}, "ac"),
        ({"opts.title": {"$like": "[A]*"}}, ""),
        ({"code": {"$gt": "a", "$lt": "c"}}, "b"),
        ({"tokenremote": "key-a"}, "a"),
        ({"token_remote": ""}, "bc"),
        ({"tokenlocal": last["token_local"]}, "c"),
        ({"opts.disabled": False}, "ac"),
        ({"ext.ct": {"$gt": "2001-01-01T00:00:00Z"}}, "abc"),
        ({"ext.ct": last["ext"]["ct"], "code": "c"}, "c"),
        ({}, "abc"),
    ):
        assert codes(caller, filter=wanted) == list(found), wanted
    for order, found in (
        ("-code", "cba"),
        ("type,-code", "cab"),
        (["-opts.title"], "cba"),
        ([{"type": "desc"}, {"code": "asc"}], "bac"),
        ({"code": "desc"}, "cba"),
        ("ext.ct", "abc"),
    ):
        assert codes(caller, order=order) == list(found), order
    assert codes(caller, offset="1", limit="1") == ["b"]
    assert codes(caller, offset="3") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"filter": "x"}, "filter: is no JSON"),
        ({"filter": []}, "filter"),
        ({"filter": {"colour": 1}}, "colour"),
        ({"filter": {"code": {"$regex": "a"}}}, "$like, $gt, $lt, $ne"),
        ({"filter": {"code": 1}}, "a text"),
        ({"filter": {"ext.ct": "yesterday"}}, "ext.ct"),
        ({"filter": {"opts.allow_ips": "::1"}}, "allow_ips"),
        ({"order": "colour"}, "colour"),
        ({"order": [{"code": "up"}]}, "order"),
        ({"order": "["}, "order"),
        ({"mask": "id,colour"}, "colour"),
        ({"flat": "yes"}, "flat: must be true or false"),
        ({"offset": "-1"}, "offset"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"page": "1"}, "page"),
    ],
)
def test_a_question_that_is_none_is_named(caller: Caller, query: Any, said: str) -> None:
    refused(listed(caller, **query), 400, said)


def test_a_mask_shows_what_it_names_even_if_it_is_empty(caller: Caller) -> None:
    point = make(caller)

    [masked] = listed(caller, mask="tokenlocal,tokenremote,opts.title,opts.disabled").json
    [flat] = listed(caller, mask="id,opts.title,ext", flat="true").json
    whole = ask(caller, "GET", f"/{point['id']}?flat=true").json

    assert masked == {
        "token_local": point["token_local"],
        "token_remote": "",
        "opts": {"title": "", "disabled": False},
    }
    assert flat == {
        "id": point["id"],
        "opts.title": "",
        "ext.ct": point["ext"]["ct"],
        "ext.lwt": point["ext"]["lwt"],
    }
    assert whole == entities.flat(point)
    assert "opts.comment" in whole
    assert "comment" not in listed(caller).json[0]["opts"]


def test_every_act_has_its_line(service: Service, caller: Caller) -> None:
    point = make(caller, opts={"title": "before"})
    patch(caller, point, opts={"title": "after"})
    patch(caller, point, opts={"title": "after"})  # changes nothing
    ask(caller, "DELETE", f"/{point['id']}")

    lines = caller.get("/audit").json["items"]

    assert [line["what"] for line in lines] == ["point.delete", "point.update", "point.create"]
    assert all(line["ids"] == [point["id"]] for line in lines)
    deleted, updated, created = lines
    assert (updated["before"], updated["after"]) == (
        {"opts": {"title": "before"}},
        {"opts": {"title": "after"}},
    )
    assert (created["before"], deleted["after"]) == (None, None)
    assert created["after"]["token_local"] == "***"
    assert updated["who"]["kind"] == "key"


def test_a_narrowed_key_sees_what_was_done_to_its_points(service: Service, caller: Caller) -> None:
    own = make(caller, "own")
    make(caller, "other")
    narrowed = make_caller(service, domain=caller.domain, point_ids=[UUID(own["id"])])

    lines = narrowed.get("/audit").json["items"]

    assert [line["ids"] for line in lines] == [[own["id"]]]
