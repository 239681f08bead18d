"""Every request that the platform's own pages show: as it stands, and repaired where it is broken.

What is JSON there is forwarded; what isn't is refused with the place of the fault.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from receiver.platform.spans import Document, with_member
from tests.gateway.conftest import EVENTS, MESSAGING, PROFILES, Client
from tests.gateway.test_messaging import refused
from tests.gateway.upstream import Upstream, says

SEEDS = Path(__file__).parent / "seeds"
COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)


def seed(name: str) -> str:
    return (SEEDS / f"{name}.txt").read_text()


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def messages() -> list[str]:
    """The requests of the messaging tutorial, each with the comment above it."""
    shown = between(seed("messaging"), "\nExamples\n", "\nResponse\n")
    return [
        f"//{part.strip()}" for part in re.split(r"^//", shown, flags=re.MULTILINE) if part.strip()
    ]


def events() -> list[str]:
    return _objects(between(seed("events"), "| application/json |\n", "Request Body\n"), '"expiry"')


def profiles() -> list[str]:
    shown = between(seed("profiles"), "##Request Examples\n", "\nRequest Body\n")
    return _objects(shown, '    "Records"')


def _objects(text: str, first: str) -> list[str]:
    """Requests one after the other, each of which begins with the same member."""
    parts = re.split(rf"^(?=\{{\n{first})", text, flags=re.MULTILINE)
    return [part for part in parts if part.strip()]


def repaired(text: str) -> bytes:
    """What was meant: without comments and tabs, with commas and braces, dates as texts."""
    text = COMMENT.sub("", text).replace("\t", " ")
    text = re.sub(r"ISODate\('([^']*)'\)", r'"\1"', text)
    text = re.sub(r'"( *\n *)"', r'",\1"', text)  # two members without a comma
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    return (text + "}" * (text.count("{") - text.count("}"))).encode()


def named(texts: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", texts, ids=map(str, range(len(texts))))


def test_all_of_them_are_found() -> None:
    assert [len(each()) for each in (messages, events, profiles)] == [6, 2, 5]


def is_forwarded(client: Client, platform: Upstream, raw: bytes, path: str, answer: Any) -> None:
    platform.asked.clear()
    platform.way = says(answer)

    said = client.send(raw, path=path)

    assert said.json == answer
    notified = with_member(Document.of(raw), "notifyurl", client.hook_url)
    assert platform.last.body == (raw if path == PROFILES else notified)


@named(messages())
def test_messages(client: Client, platform: Upstream, text: str) -> None:
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
    whole = next(text for text in messages() if "notifydata" in text).partition("\n")[2]

    client.send(whole.encode())

    sent = client.only()
    assert (sent["correlationid"], sent["callback_data"]) == ("sgh3tvk", "kopwest4kfr")
    assert sent["deliveries"][0]["correlationid"] == "sgh3tvkpert"
    assert sent["notify_url"] == "https://mywebsite.com/record/transactions"


def test_an_empty_text_is_none_at_all(client: Client, platform: Upstream) -> None:
    template = next(text for text in messages() if "Template" in text).partition("\n")[2]

    client.send(template.encode())

    sent = client.only()
    assert (sent["correlationid"], sent["callback_data"], sent["notify_url"]) == ("", "", "")
    assert (sent["expires_at"], sent["tag"]) == (None, "1")


@named(events())
def test_events(client: Client, platform: Upstream, text: str) -> None:
    queued = {"code": "1002", "description": "Queued", "transid": "t-e", "correlationid": "c"}
    is_forwarded(client, platform, text.encode(), EVENTS, {"response": queued})
    assert {send["channel"] for send in client.sends()} == {"event"}


#: Where each of them stops being JSON.
FAULTS = [
    "line 10 column 7: expected ','",
    "line 19 column 1: expected ','",
    "line 5 column 27: expected a value",
    "line 8 column 12: expected ','",
    "line 8 column 7: expected ','",
]


@pytest.mark.parametrize(
    ("text", "fault"), list(zip(profiles(), FAULTS, strict=True)), ids=map(str, range(5))
)
def test_profiles(client: Client, platform: Upstream, text: str, fault: str) -> None:
    description = refused(client.send(text.encode(), path=PROFILES), "7000")
    assert description == f"Invalid JSON: {fault}"
    assert platform.asked == []

    answer = {"response": {"code": "1001", "description": "Queued", "transid": "5457ee77"}}
    is_forwarded(client, platform, repaired(text), PROFILES, answer)
    sent = client.only()
    assert (sent["channel"], sent["state"]) == ("profile", "accepted")
    assert sent["metadata"]["customers"]
