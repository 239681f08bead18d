"""`receiver why`: what became of one message, and where the trouble lies."""

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from msgspec.structs import asdict

from receiver.cli import why_screen
from receiver.cli.database import current_url, reading_session, session_on
from receiver.cli.exits import EXITS, Exit
from receiver.cli.inquiry import LOOKED_BACK, Inquiry, Wanted, in_spool
from receiver.domain.blame import Blame
from receiver.domain.errors import ReceiverError, SetupError, StoreAwayError
from receiver.domain.verdicts import OPEN, Verdict, worst
from receiver.platform.storable import storable
from receiver.settings import Settings
from receiver.store import audit
from receiver.store.audit import Act
from receiver.store.tables import SendRow
from receiver.web.times import utc_or_none
from receiver.web.veil import CLEAR, VEILED, Clear

#: What may be a person's, and so must not stand where every user of the machine sees it.
_PRIVATE: Final = re.compile(r"\+?[0-9][0-9() .-]{5,18}[0-9]|.*@.*")
_HELD: Final = "held"
_PAST: Final = Verdict(
    name="past",
    blame=Blame.NONE,
    sentence="it was in the ledger until its time was over: nothing more can be told",
)
_NOT_FOUND: Final = Verdict(
    name="not_found",
    blame=Blame.NONE,
    sentence="nobody told us of it: neither a send nor a receipt of it is known",
)
#: Verdicts that have an exit code of their own, whatever they blame.
_ENDS: Final = {"past": Exit.NOT_FOUND, "not_found": Exit.NOT_FOUND} | dict.fromkeys(
    OPEN, Exit.OPEN
)

Told = dict[str, Any]


@click.command()
@click.argument("name", metavar="[ID|TRANSID|CORRELATIONID]", required=False)
@click.option("--domain", default="default", show_default=True)
@click.option("--clear", is_flag=True, help="Show numbers and texts. It goes into the audit log.")
@click.option("--json", "as_json", is_flag=True)
def why(name: str | None, domain: str, *, clear: bool, as_json: bool) -> None:
    """Say what became of a message, and where the trouble lies.

    Without an argument it is read from stdin, where it may be a number or an address, too.
    """
    settings = Settings.from_environ()
    wanted = _wanted(name, domain)
    try:
        told = _told(settings, wanted, clear=clear)
    except (StoreAwayError, SetupError) as error:
        told = _told_without_ledger(settings, wanted, error)
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        why_screen.show(told)
    verdict = told["verdict"]
    raise SystemExit(_ENDS.get(verdict["name"], EXITS[Blame(verdict["blame"])]))


def _wanted(name: str | None, domain: str) -> Wanted:
    """Return what is asked about. Raises UsageError for what must not be an argument."""
    if name is None:
        return Wanted(name=_asked(), domain=domain, is_private=True)
    if _PRIVATE.fullmatch(name):
        raise click.UsageError("that may be a number or an address: give it on stdin")
    return Wanted(name=storable(name), domain=domain)


def _asked() -> str:
    written = (
        click.prompt("Id, number or address", hide_input=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline()
    )
    if not written.strip():
        raise click.UsageError("give an id as argument, or an id, a number or an address on stdin")
    return storable(str(written).strip())


def _told(settings: Settings, wanted: Wanted, *, clear: bool) -> Told:
    url = current_url(settings)
    with reading_session(url) as session:
        inquiry = Inquiry(session=session, settings=settings, wanted=wanted)
        found = inquiry.find()
        told = _of_sends(inquiry, found, CLEAR if clear else VEILED)
    if clear:
        act = Act(verb=audit.CLEAR_READ, kind="send", ids=[str(_id(send)) for send in found[:1]])
        with session_on(url) as session:
            audit.record(session, act, who=audit.by_shell(), domain=wanted.domain)
    return told


def _of_sends(inquiry: Inquiry, found: Sequence[SendRow], veil: Clear) -> Told:
    """Return the newest send whole, and of the others the verdicts."""
    if not found:
        return _of_nothing(inquiry)
    first, *others = found
    whole = inquiry.whole(first)
    verdicts = inquiry.verdicts(first, whole.deliveries)
    return {
        "verdict": asdict(worst(verdicts)),
        "verdicts": [asdict(each) for each in verdicts],
        "send": whole.shown(veil, lambda *_: f"/api/v1/sends/{_id(first)}"),
        "others": [_other(inquiry, send) for send in others],
        "unseen": inquiry.unseen,
    }


def _of_nothing(inquiry: Inquiry) -> Told:
    """Return the verdict on what the ledger doesn't know."""
    since = datetime.now(UTC) - LOOKED_BACK
    held = [
        *inquiry.in_spool(),
        *inquiry.in_quarantine(inquiry.wanted.name, since=since.date()),
    ]
    if held:
        return _without_send(_lying_with_us(held), inquiry.unseen)
    return _without_send(_PAST if inquiry.is_past() else _NOT_FOUND, inquiry.unseen)


def _told_without_ledger(settings: Settings, wanted: Wanted, error: ReceiverError) -> Told:
    """Return what can be told while the database can't be asked."""
    unseen = [f"the ledger: {error}"]
    held = in_spool(settings, wanted, unseen)
    if held:
        return _without_send(_lying_with_us(held), unseen)
    sentence = f"nobody can tell: {error}"
    return _without_send(Verdict(name="away", blame=Blame.US, sentence=sentence), unseen)


def _lying_with_us(held: Sequence[str]) -> Verdict:
    return Verdict(name=_HELD, blame=Blame.US, sentence=f"it lies with us: {'; '.join(held)}")


def _without_send(verdict: Verdict, unseen: Sequence[str]) -> Told:
    shown = asdict(verdict)
    return {"verdict": shown, "verdicts": [shown], "send": None, "others": [], "unseen": unseen}


def _other(inquiry: Inquiry, send: SendRow) -> Told:
    verdict = worst(inquiry.verdicts(send, inquiry.whole(send).deliveries))
    return {
        "id": str(_id(send)),
        "requested_at": utc_or_none(send.requested_at or send.accepted_at),
        "channel": send.channel,
        "tag": send.tag,
        "verdict": verdict.name,
        "blame": verdict.blame,
    }


def _id(send: SendRow) -> object:
    return send.registration or send.id
