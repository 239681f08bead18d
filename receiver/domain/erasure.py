"""What is left of a fact once a person is erased from it.

A function of the fact and of who is sought, and of nothing else: so a fact that is erased before
it is applied, and one that is applied before it is erased, leave the same ledger. What counts
stays: sends, statuses, codes, times and the ids by which facts belong together.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from msgspec.structs import fields, replace

from receiver.domain.facts import (
    Answer,
    Body,
    Destination,
    Fact,
    Notice,
    Quarantined,
    Receipt,
    Send,
)
from receiver.domain.identity import may_pair, transid_of, type_of
from receiver.domain.persons import ERASED, Finder
from receiver.domain.sends import stored_transid

_PSEUDONYM: Final = re.compile(rf"{ERASED}[a-z]+(?:-[0-9]+)?")
Told = TypeVar("Told", Receipt, Notice, Send, Quarantined, Answer)
#: Names of sends, by which facts find each other: no person's, so they stay as they are.
_LINKS: Final = frozenset({"transid"})
#: Ids of notices: one that an address is hidden in is dropped.
_IDS: Final = ("tid", "quoted")
_TEXTS: Final[Mapping[type[Any], tuple[str, ...]]] = {
    kind: tuple(
        field.name
        for field in fields(kind)
        if field.type is str and field.name not in {*_LINKS, *_IDS}
    )
    for kind in (Receipt, Notice, Send, Quarantined, Answer)
}
#: What a send says to whoever it was for, and what its application noted of them.
_WORDS: Final[Mapping[str, Any]] = {"text": "", "callback_data": "", "metadata": {}}


def is_erased(destination: str) -> bool:
    """Tell whether an address, or its key, is that of a person who was erased."""
    return ERASED in destination


def _names(destination: str) -> Sequence[str]:
    """Return the pseudonyms that an address is made of."""
    return _PSEUDONYM.findall(destination)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who is erased, and from what: all that was accepted up to a moment, by its own stamp."""

    find: Finder
    until: datetime

    def of(self, fact: Fact) -> Fact:
        """Return a fact without them, if it is from before."""
        return erased(fact, self.find) if fact.accepted_at <= self.until else fact

    def of_family(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Return the facts of one base uuid, each in its place, without them.

        What came later is theirs too where it names somebody who is erased from the family:
        else one recipient would become two.
        """
        old = [self.of(fact) for fact in facts]
        gone = {name for fact in old for each in addresses_of(fact.body) for name in _names(each)}
        find = self.find.among(gone)
        return _silenced([erased(f, find) if is_addressed(f.body, find) else f for f in old])


def addresses_of(body: Body) -> Sequence[str]:
    """Return the addresses of whom a fact is about."""
    match body:
        case Receipt(destination=destination):
            return (destination,)
        case Notice(sender=sender, recipient=recipient):
            return (sender, recipient)
        case Send(destinations=destinations):
            return [each.value for each in destinations]
    return ()


def is_addressed(body: Body, find: Finder) -> bool:
    """Tell whether a fact is about one of those whom `find` finds."""
    return any(map(find.finds, addresses_of(body)))


def erased(fact: Fact, find: Finder) -> Fact:
    """Return a fact without the persons that `find` finds, the very same if it has none of them.

    One that has any keeps no raw body, and not how that was built.
    """
    body = _body(fact.body, find)
    if body == fact.body and not find.holds(fact.raw):
        return fact
    if isinstance(body, Quarantined):
        body = replace(body, shape="")
    return replace(fact, body=body, raw=b"")


def _silenced(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Take the words from sends that don't list whom they were for, as receipts name the erased."""
    types: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if isinstance(fact.body, Receipt) and is_erased(fact.body.destination):
            types[transid_of(fact.body.transid)].add(fact.body.destination_type)
    return [
        replace(fact, body=replace(fact.body, **_WORDS), raw=b"")
        if isinstance(fact.body, Send) and _may_be_for(fact.body, types) and _speaks(fact.body)
        else fact
        for fact in facts
    ]


def _may_be_for(send: Send, types: Mapping[str, set[str]]) -> bool:
    """Tell whether a send was for one of those of `types`, under another name or under none."""
    reported = types.get(stored_transid(send), ())
    if not reported or len(send.destinations) > 1:
        return False
    named = (type_of(each.type, each.value) for each in send.destinations)
    return all(any(may_pair(name, each) for each in reported) for name in named)


def _speaks(send: Send) -> bool:
    return any(getattr(send, name) != blank for name, blank in _WORDS.items())


def _body(body: Body, find: Finder) -> Body:
    match body:
        case Receipt():
            return _receipt(body, find)
        case Notice():
            return _notice(body, find)
        case Send():
            return _send(body, find)
        case Quarantined(errors=errors, headers=headers):
            told = {"errors": find.scrub_all(errors), "headers": find.scrub_all(headers)}
            return replace(_scrubbed(body, find), **told)


def _scrubbed(told: Told, find: Finder) -> Told:
    return replace(told, **{name: find.scrub(getattr(told, name)) for name in _TEXTS[type(told)]})


def _receipt(receipt: Receipt, find: Finder) -> Receipt:
    """Keep no text of their own receipts: networks put addresses of machines there, too."""
    clean = _scrubbed(receipt, find)
    if clean.destination == receipt.destination:
        return clean
    kind = type_of(receipt.destination_type, receipt.destination)
    return replace(
        clean, destination_type=kind, description="", additional_info="", callback_data=""
    )


def _notice(notice: Notice, find: Finder) -> Notice:
    """Drop whole what they wrote themselves or what is about them, and scrub the rest."""
    clean = replace(
        _scrubbed(notice, find),
        details=find.scrub_all(notice.details),
        attachments=tuple(find.scrub_all(part) for part in notice.attachments),
        **{name: _id(getattr(notice, name), find) for name in _IDS},
    )
    is_theirs = (
        clean.sender != notice.sender
        or find.name(notice.recipient) is not None
        or find.is_value_in(notice.details)
    )
    return replace(clean, text="", subject="", details={}, attachments=()) if is_theirs else clean


def _id(value: str, find: Finder) -> str:
    """Return an id, or nothing where it tells an address, as WhatsApp's do in base64."""
    return "" if any(find.holds(each) for each in (value.encode(), _decoded(value))) else value


def _decoded(value: str) -> bytes:
    encoded = value.rpartition(".")[2]
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _send(send: Send, find: Finder) -> Send:
    destinations = tuple(_destination(each, find) for each in send.destinations)
    clean = replace(
        _scrubbed(send, find),
        destinations=destinations,
        metadata=find.scrub_all(send.metadata),
        answer=send.answer and _scrubbed(send.answer, find),
    )
    was_for_them = destinations and all(is_erased(each.value) for each in destinations)
    return replace(clean, **_WORDS) if was_for_them else clean


def _destination(destination: Destination, find: Finder) -> Destination:
    value = find.scrub(destination.value)
    if value != destination.value:
        kind = type_of(destination.type, destination.value)
        destination = replace(destination, value=value, type=kind)
    return replace(destination, correlationid=find.scrub(destination.correlationid))
