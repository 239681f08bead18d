"""What becomes of messages: what each fate and channel says, and that we understand it."""

import itertools
import re
from pathlib import Path

import pytest

from receiver.domain.facts import Receipt
from receiver.domain.identity import transid_of
from receiver.domain.status import status_of
from receiver.platform.recognise import recognise
from receiver.sandbox.channels import CHANNELS
from receiver.sandbox.fates import APPS, COPIES, CUSTOMERS, EVENTS, FATES, STORM, Fate, fate_of
from tests.sandbox.playing import NEVER_MAGIC, Call, Played, statuses, until

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"
MISSED = "sandbox-undelivered-7203"
ACCEPTED = [fate for fate in FATES if not fate.code]
#: By fate, the receipts in the order in which they come, where they aren't Submitted and Delivered.
SAID = {
    "submitted": ["Submitted"],
    "read": ["Submitted", "Delivered", "Read"],
    "clicked": ["Submitted", "Delivered", "Clicked"],
    "bounce": ["Submitted", "Delivered", "Bounce"],
    "complaint": ["Submitted", "Delivered", "Complaint"],
    "conflict": ["Submitted", "Delivered", "Failed"],
    "unknown": ["Submitted", "Parked"],
    "out-of-order": ["Delivered", "Submitted"],
    "duplicate": ["Submitted"] * COPIES + ["Delivered"] * COPIES,
    "slow": ["Submitted"],
    "silent": [],
}


def received(call: Call) -> Receipt:
    (element,) = recognise(call.body).elements
    assert isinstance(element.body, Receipt)
    return element.body


def said_of(fate: Fate) -> list[str]:
    if fate.name.startswith("failed-"):
        return ["Submitted", "Failed"]
    if fate.name.startswith("undelivered-"):
        return ["Submitted", "Un-Delivered"]
    return SAID.get(fate.name, ["Submitted", "Delivered"])


def test_every_fate_says_what_it_is_to_say(sandbox: Played) -> None:
    fates = [fate for fate in ACCEPTED if fate.name != "storm"]
    urls = {fate.name: sandbox.hook.at() for fate in fates}
    transids = {
        fate.name: sandbox.send(fate.number, url=urls[fate.name], callbackData="cb")
        for fate in fates
    }
    until(
        lambda: {each: len(sandbox.hook.posted(urls[each])) for each in urls},
        lambda counts: counts == {fate.name: len(said_of(fate)) for fate in fates},
        seconds=5,
    )

    for fate in fates:
        heard = [received(call) for call in sandbox.hook.posted(urls[fate.name])]
        heard.sort(key=lambda each: said_of(fate).index(each.raw_status))  # lines overtake others
        assert [each.raw_status for each in heard] == said_of(fate), fate.name
        for each in heard:
            assert (each.transid, each.destination) == (transids[fate.name], fate.number)
            assert (each.destination_type, each.callback_data) == ("msisdn", "cb")
            assert each.zone_assumed == (fate.name == "zoneless")
        digits = fate.name.rpartition("-")[2]
        if digits.isdigit():
            assert heard[-1].code == digits
            assert heard[-1].description in fate.summary


def test_all_else_succeeds_within_two_seconds(sandbox: Played) -> None:
    url = sandbox.hook.at()
    began_at = sandbox.hook.calls[-1].at if sandbox.hook.calls else 0.0
    transid = sandbox.send(NEVER_MAGIC, "+44 7700 900123", url=url)

    lines = sandbox.lines(transid)

    assert sorted(statuses(lines)) == ["Delivered", "Delivered", "Submitted", "Submitted"]
    assert {line["outcome"] for line in lines} == {"taken"}
    times = [call.at for call in sandbox.hook.posted(url)]
    assert max(times) - max(began_at, min(times)) < 2


def test_out_of_order_is_out_of_order(sandbox: Played) -> None:
    url = sandbox.hook.at()

    sandbox.lines(sandbox.send("sandbox-out-of-order", url=url))

    heard = [received(call) for call in sandbox.hook.posted(url)]
    assert [each.raw_status for each in heard] == ["Delivered", "Submitted"]
    first, second = (each.provider_at for each in heard)
    assert first
    assert second
    assert first > second


def test_early_receipts_come_before_the_answer(sandbox: Played) -> None:
    url = sandbox.hook.at()

    transid = sandbox.send("sandbox-early", url=url)

    posted = sandbox.hook.posted(url)
    assert [received(call).transid for call in posted] == [transid, transid]


def test_copies_are_the_same_to_the_byte(sandbox: Played) -> None:
    url = sandbox.hook.at()

    sandbox.lines(sandbox.send("duplicate@sandbox.example", url=url))

    bodies = [call.body for call in sandbox.hook.posted(url)]
    assert len(bodies) == 2 * COPIES
    assert len(set(bodies)) == 2


def test_a_storm_comes_at_once_but_over_so_many_lines(sandbox: Played) -> None:
    url = sandbox.hook.at()
    sandbox.hook.busiest = 0

    transid = sandbox.send(next(fate.number for fate in FATES if fate.name == "storm"), url=url)

    lines = sandbox.lines(transid)
    assert len({line["sha256"] for line in lines}) == STORM
    assert {line["outcome"] for line in lines} == {"taken"}
    assert sandbox.hook.busiest <= 64


def test_each_channel_is_understood(sandbox: Played) -> None:
    channels = ["wechat", *CHANNELS]
    urls = {channel: sandbox.hook.at() for channel in channels}
    sent = {
        channel: sandbox.send(NEVER_MAGIC, MISSED, channel=channel, url=urls[channel])
        for channel in channels
    }

    for channel, transid in sent.items():
        assert {line["outcome"] for line in sandbox.lines(transid)} == {"taken"}
        heard = [received(call) for call in sandbox.hook.posted(urls[channel])]
        assert {each.channel for each in heard} == {channel}
        assert {transid_of(each.transid) for each in heard} == {transid}
        assert outcome_of(heard, MISSED) == "failure"
        assert outcome_of(heard, NEVER_MAGIC) == ("pending" if channel == "apple" else "success")


def outcome_of(heard: list[Receipt], destination: str) -> str:
    statuses = (
        status_of(each.channel, each.raw_status)
        for each in heard
        if each.destination == destination
    )
    return max(statuses, key=lambda status: status.rank).outcome


def test_the_status_knows_what_no_receipt_told(sandbox: Played) -> None:
    path = "/resources/v1/messaging/status"
    silent, expired = sandbox.send("sandbox-silent"), sandbox.send("447700900208")

    (known,) = until(
        lambda: sandbox.get(f"{path}/{silent}_0"), lambda said: said[0]["status"] == "delivered"
    )
    (late,) = until(
        lambda: sandbox.get(f"{path}/{expired}"), lambda said: said[0]["status"] == "expired"
    )

    assert (known["transactionid"], known["to"], known["from"]) == (
        silent,
        "sandbox-silent",
        "DEMOBK",
    )
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC", known["last_updated"])
    assert (late["error_code"], late["error_message"]) == ("7208", "Message expired")
    assert sandbox.get("/sandbox/book", transid=silent, kind="receipt")["items"] == []


@pytest.mark.parametrize(
    "spelled",
    ["447700900201", "+44 7700 900201", "00447700900201", "undelivered-7201@sandbox.example"],
)
def test_a_fate_has_several_spellings(spelled: str) -> None:
    assert fate_of(spelled).name == "undelivered-7201"
    assert fate_of(spelled.replace("1", "0")).name == "delivered"
    assert fate_of(NEVER_MAGIC).name == "delivered"


def test_the_page_shows_the_tables_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(?:4477|sandbox-).*$", DOCS.read_text(), re.MULTILINE)

    assert rows == [
        *(f"| `{fate.number}` | `{fate.name}` | {fate.summary} |" for fate in FATES),
        *(f"| `{row.key}` | {row.summary} |" for row in itertools.chain(EVENTS, APPS, CUSTOMERS)),
    ]
