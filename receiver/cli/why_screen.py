"""What `receiver why` tells, on one screen for people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from receiver.cli.table import echo_rows
from receiver.domain.blame import Blame
from receiver.platform import codes

#: So much of each part fits on one screen.
MOST_DELIVERIES: Final = 8
MOST_ENTRIES: Final = 20
MOST_QUESTIONS: Final = 2

#: Whom a blame means, in words.
WHO: Final[Mapping[Blame, str]] = {
    Blame.NONE: "nobody",
    Blame.US: "us",
    Blame.SENDER: "whoever sends",
    Blame.PLATFORM: "the platform",
    Blame.NETWORK: "the network",
    Blame.HANDSET: "the handset",
    Blame.RECIPIENT: "the recipient",
}

Told = Mapping[str, Any]


def show(told: Told) -> None:
    """Print the verdict, the send, its deliveries and its timeline."""
    for line in _verdicts(told):
        click.echo(line)
    if told["send"]:
        _show_send(told["send"])
    if told["others"]:
        click.echo(f"\nothers that are meant too, the newest first: {len(told['others'])}")
        echo_rows(told["others"], as_json=False)
    for each in told["unseen"]:
        click.echo(f"\nnot looked at: {each}")


def _verdicts(told: Told) -> Iterator[str]:
    verdict = told["verdict"]
    yield f"{verdict['name']}: {verdict['sentence']}"
    yield f"it is: {WHO[Blame(verdict['blame'])]}"
    names = Counter(each["name"] for each in told["verdicts"])
    if len(told["verdicts"]) > 1:
        said = ", ".join(f"{n} {name}" for name, n in names.most_common())
        yield f"of {len(told['verdicts'])} deliveries: {said}"


def _show_send(send: Told) -> None:
    click.echo()
    for line in _about(send):
        click.echo(line)
    if send["deliveries"]:
        click.echo()
        echo_rows(_deliveries(send), as_json=False)
        _say_more(len(send["deliveries"]), MOST_DELIVERIES, send["more"]["deliveries"])
    if send["timeline"]:
        click.echo()
        echo_rows(_timeline(send), as_json=False)
        _say_more(len(send["timeline"]), MOST_ENTRIES, send["more"]["timeline"])


def _about(send: Told) -> Iterator[str]:
    point = send["point"]["code"] if send["point"] else None
    first = {
        "send": send["id"],
        "transid": send["transid"],
        "correlationid": send["correlationid"],
    }
    second = {
        "channel": send["channel"],
        "from": send["sender"],
        "point": point,
        "tag": send["tag"],
        "state": send["state"],
        "requested": send["requested_at"],
    }
    for row in (first, second):
        yield "  ".join(f"{name} {value}" for name, value in row.items() if value)
    if answer := send["answer"]:
        said = (answer["http"], answer["code"], answer["description"])
        yield f"answer {' '.join(str(part) for part in said if part)}"
    for asked in send["questions"][-MOST_QUESTIONS:]:
        yield f"asked the platform {asked['asked_at']}: {asked['finding']} {asked['code']}".rstrip()


def _deliveries(send: Told) -> Sequence[Mapping[str, object]]:
    return [
        {
            "destination": each["destination"],
            "status": each["status"],
            "raw": each["raw_status"],
            "code": each["code"],
            "meaning": each["code_text"],
            "carrier": each["carrier"],
            "at": each["status_at"],
            "marks": ",".join(mark for mark in ("overdue", "conflict") if each[mark]),
        }
        for each in send["deliveries"][:MOST_DELIVERIES]
    ]


def _timeline(send: Told) -> Sequence[Mapping[str, object]]:
    """Return the last entries, which say most; those that decide have a star."""
    return [
        {
            "": "*" if each["decisive"] else "",
            "at": each["provider_at"] or each["accepted_at"],
            "known": each["accepted_at"],
            "what": each["kind"],
            "by": each["source"],
            "destination": each["destination"],
            "status": each["status"],
            "code": each["code"],
            "meaning": codes.text_of(send["channel"], each["code"] or "") or each["description"],
        }
        for each in send["timeline"][-MOST_ENTRIES:]
    ]


def _say_more(found: int, most: int, more: str | None) -> None:
    if more:
        click.echo(f"more than {found}: GET {more}")
    elif found > most:
        click.echo(f"{found - most} more: with --json")
