"""Every request that the platform's own pages show: as it stands, and repaired where it is broken.

What is JSON there is forwarded; what isn't is refused with the place of the fault.
"""

import json
import re
from typing import Any

import pytest

from receiver.platform.spans import Document, with_member
from tests.examples import EXAMPLES, named, repaired
from tests.gateway.conftest import EVENTS, MESSAGING, PROFILES, Client
from tests.gateway.test_messaging import refused
from tests.gateway.upstream import Upstream, says

COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)


def is_forwarded(client: Client, platform: Upstream, raw: bytes, path: str, answer: Any) -> None:
    platform.asked.clear()
    platform.way = says(answer)

    said = client.send(raw, path=path)

    assert said.json == answer
    notified = with_member(Document.of(raw), "notifyurl", client.hook_url)
    assert platform.last.body == (raw if path == PROFILES else notified)


@pytest.mark.parametrize("name", named("messaging"))
def test_messages(client: Client, platform: Upstream, name: str) -> None:
    text = EXAMPLES[name]
    description = refused(client.send(text.encode()), "7000")
    assert description == "Invalid JSON: line 1 column 1: expected a value"

    plain = text.partition("\n")[2]
    if COMMENT.search(plain):
        description = refused(client.send(plain.encode()), "7000")
        assert description == "Invalid JSON: line 3 column 5: expected a name in double quotes"
        plain = COMMENT.sub("", plain)
    asked = json.loads(plain)
    entries = [
        {"code": "1001", "description": "Queued", "transid": f"f9793c83_{place}"}
        for place in range(len(asked) if isinstance(asked, list) else 1)
    ]
    assert platform.asked == []
    is_forwarded(client, platform, plain.encode(), MESSAGING, {"response": entries})
    sends = [client.caller.send(send["id"]) for send in client.sends()]
    assert [(send["channel"], send["state"]) for send in sends] == [("sms", "accepted")] * len(
        entries
    )
    assert all(len(send["deliveries"]) == 1 for send in sends)


def test_the_optional_fields_of_a_message(client: Client, platform: Upstream) -> None:
    whole = EXAMPLES["messaging-optional"].partition("\n")[2]

    client.send(whole.encode())

    sent = client.only()
    assert (sent["correlationid"], sent["callback_data"]) == ("sgh3tvk", "kopwest4kfr")
    assert sent["deliveries"][0]["correlationid"] == "sgh3tvkpert"
    assert sent["notify_url"] == "https://mywebsite.com/record/transactions"


def test_an_empty_text_is_none_at_all(client: Client, platform: Upstream) -> None:
    template = EXAMPLES["messaging-template"].partition("\n")[2]

    client.send(template.encode())

    sent = client.only()
    assert (sent["correlationid"], sent["callback_data"], sent["notify_url"]) == ("", "", "")
    assert (sent["expires_at"], sent["tag"]) == (None, "1")


@pytest.mark.parametrize("name", named("events"))
def test_events(client: Client, platform: Upstream, name: str) -> None:
    queued = {"code": "1002", "description": "Queued", "transid": "t-e", "correlationid": "c"}
    is_forwarded(client, platform, EXAMPLES[name].encode(), EVENTS, {"response": queued})
    assert {send["channel"] for send in client.sends()} == {"event"}


#: Where each of them stops being JSON.
FAULTS = {
    "profiles-facebook": "line 10 column 7: expected ','",
    "profiles-twitter": "line 19 column 1: expected ','",
    "profiles-wechat": "line 5 column 27: expected a value",
    "profiles-in-app": "line 8 column 12: expected ','",
    "profiles-push": "line 8 column 7: expected ','",
}


@pytest.mark.parametrize("name", named("profiles"))
def test_profiles(client: Client, platform: Upstream, name: str) -> None:
    description = refused(client.send(EXAMPLES[name].encode(), path=PROFILES), "7000")
    assert description == f"Invalid JSON: {FAULTS[name]}"
    assert platform.asked == []

    answer = {"response": {"code": "1001", "description": "Queued", "transid": "5457ee77"}}
    is_forwarded(client, platform, repaired(name).encode(), PROFILES, answer)
    sent = client.only()
    assert (sent["channel"], sent["state"]) == ("profile", "accepted")
    assert sent["metadata"]["customers"]
