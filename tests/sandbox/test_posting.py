"""Posting as the platform does: again or not, checked, signed, bounded."""

import itertools

import pytest
from msgspec.structs import asdict

from receiver.domain.facts import Notice
from receiver.platform.recognise import recognise
from receiver.platform.verify import verify
from receiver.sandbox.notifications import MESSAGES
from tests.sandbox.playing import MESSAGING, Hook, Played, make_request, playing

SUBMITTED = "447700900501"
SECRET = "hub-secret"


@pytest.mark.parametrize(
    ("statuses", "attempts", "outcome"),
    [
        pytest.param([200], [200], "taken", id="200"),
        pytest.param([503, 503, 503, 200], [503, 503, 503, 200], "taken", id="the-fourth-time"),
        pytest.param([500], [500] * 4, "given_up", id="never"),
        pytest.param([401, 413, 429, 422], [401, 413, 429, 422], "given_up", id="ours-or-theirs"),
        *(
            pytest.param([status], [status], "ended", id=str(status))
            for status in (202, 204, 301, 308, 400, 404, 405, 410, 415, 418, 505)
        ),
    ],
)
def test_what_comes_again(
    statuses: list[int], attempts: list[int], outcome: str, sandbox: Played
) -> None:
    url = sandbox.hook.at(*statuses)

    (line,) = sandbox.lines(sandbox.send(SUBMITTED, url=url))

    assert line["attempts"] == attempts
    assert line["outcome"] == outcome
    times = [call.at for call in sandbox.hook.posted(url)]
    assert all(later - sooner > 0.09 for sooner, later in itertools.pairwise(times))
    assert len({call.body for call in sandbox.hook.posted(url)}) == 1


def test_nobody_there_is_tried_again(sandbox: Played) -> None:
    (line,) = sandbox.lines(sandbox.send(SUBMITTED, url="http://127.0.0.1:1/hook"))

    assert line["attempts"] == [0, 0, 0, 0]
    assert line["outcome"] == "given_up"
    assert line["fault"] == "no answer: ConnectionRefusedError"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        pytest.param(" http://127.0.0.1/", "the notify URL is none", id="blank"),
        pytest.param("<Notification URL>", "the notify URL is none", id="placeholder"),
        pytest.param("ftp://127.0.0.1/", "the notify URL is none", id="scheme"),
        pytest.param("https://93.184.216.34/", "the address is a public one", id="public"),
    ],
)
def test_what_can_t_be_called_is_not_tried_again(url: str, fault: str, sandbox: Played) -> None:
    (line,) = sandbox.lines(sandbox.send(SUBMITTED, url=url))

    assert (line["attempts"], line["outcome"], line["fault"]) == ([0], "ended", fault)


def test_a_url_is_checked_when_it_is_first_met(sandbox: Played) -> None:
    url = sandbox.hook.at()

    for _ in range(2):
        sandbox.lines(sandbox.send(url=url))

    path = url.removeprefix(sandbox.hook.url.removesuffix("/hook"))
    methods = [call.method for call in sandbox.hook.calls if call.path == path]
    assert methods == ["HEAD", "POST", "POST", "POST", "POST"]


def test_one_that_fails_its_check_is_checked_again(sandbox: Played) -> None:
    before = sandbox.get("/sandbox/book", limit=1)["counts"]["check"].get("refused", 0)

    sandbox.lines(sandbox.send(SUBMITTED, url="http://127.0.0.1:1/other"))

    assert sandbox.get("/sandbox/book", limit=1)["counts"]["check"]["refused"] >= before + 4


def test_what_is_sent_is_signed_where_that_is_asked(hook: Hook) -> None:
    url = hook.at()
    with playing(hook, secret=SECRET) as sandbox:
        sandbox.lines(sandbox.send(url=url))

    for call in hook.posted(url):
        signature = call.headers["x-hub-signature"]
        assert signature.startswith("sha256=")
        assert verify(signature, call.body, secrets=[SECRET])
        assert not verify(signature, call.body + b"x", secrets=[SECRET])


def test_nothing_is_signed_unasked(sandbox: Played) -> None:
    url = sandbox.hook.at()
    sandbox.lines(sandbox.send(SUBMITTED, url=url))

    assert "x-hub-signature" not in sandbox.hook.posted(url)[0].headers


def test_without_a_url_nobody_is_notified(hook: Hook) -> None:
    with playing(hook, notify_url="") as sandbox:
        (answer,) = sandbox.post(
            MESSAGING,
            {
                "channels": {"sms": {"text": "x"}},
                "destination": [{"msisdn": ["1"]}],
            },
        )["response"]

        assert answer["code"] == "1001"
        assert sandbox.get("/sandbox/book")["counts"]["receipt"] == {}
        problem = sandbox.post("/sandbox/mo", {"from": "1", "to": "2", "text": "x"})
        assert problem["errors"] == {
            "notifyurl": ["is missing, and the service has none of its own"]
        }


def test_where_too_much_waits_nothing_more_is_promised(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.sandbox.posting.MOST_WAITING", 4)
    with playing(hook) as sandbox:
        too_many = sandbox.post(MESSAGING, make_request(*[SUBMITTED] * 5))["response"]
        for _ in range(2):
            sandbox.send("sandbox-slow")
        one_more = sandbox.post(MESSAGING, make_request())["response"]

    assert too_many["code"] == one_more["code"] == "7020"


@pytest.mark.parametrize("channel", MESSAGES)
def test_a_customer_s_message_is_understood(channel: str, sandbox: Played) -> None:
    url = sandbox.hook.at()
    written = {"from": "447700900555", "to": "DEMOBK", "text": "Yes", "channel": channel}

    tid = sandbox.post("/sandbox/mo", {**written, "notifyurl": url})["tid"]

    (line,) = sandbox.lines(tid, "message")
    assert line["outcome"] == "taken"
    (call,) = sandbox.hook.posted(url)
    (element,) = recognise(call.body).elements
    assert isinstance(element.body, Notice)
    heard = asdict(element.body)
    assert {name: heard[name] for name in ("kind", "sender", "recipient", "text", "channel")} == {
        "kind": "message",
        "sender": "447700900555",
        "recipient": "DEMOBK",
        "text": "Yes",
        "channel": channel,
    }
    assert heard["tid"].startswith(tid)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        pytest.param({}, {"from", "to", "text"}, id="empty"),
        pytest.param(
            {"from": "1", "to": "2", "text": "x", "channel": "fax"}, {"channel"}, id="channel"
        ),
        pytest.param(
            {"from": "1", "to": "2", "text": "x", "notifyurl": "no"}, {"notifyurl"}, id="url"
        ),
        pytest.param({"from": "1", "to": "2", "text": "x", "more": 1}, {"more"}, id="unknown"),
    ],
)
def test_a_message_that_can_t_be_written_is_a_problem(
    said: object, fields: set[str], sandbox: Played
) -> None:
    problem = sandbox.post("/sandbox/mo", said)

    assert problem["status"] == 400
    assert problem["errors"].keys() == fields
