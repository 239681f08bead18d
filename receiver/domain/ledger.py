"""The fold: what a set of facts says about sends and deliveries, in whatever order they came."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from receiver.domain.deliveries import Delivery, delivery_of, merge
from receiver.domain.facts import Fact, Receipt
from receiver.domain.identity import destination_key, transid_of
from receiver.domain.recordings import Recorded, fold_recordings
from receiver.domain.sends import RecordedSend, ReportedSend, days_of, merge_reported, send_of

Item = TypeVar("Item")
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Family:
    """All sends and deliveries of one base uuid: locked, folded and stored together."""

    reported: Mapping[str, ReportedSend]
    """By transid, what receipts say."""
    recorded: Mapping[str, RecordedSend]
    """By transid, what recordings say."""
    deliveries: Mapping[tuple[str, str], Delivery]
    """By transid and destination key."""


def fold(base: str, facts: Iterable[Fact]) -> Family:
    """Fold all facts of one base uuid, in one domain.

    Neither order nor repetition has a say: every step is a join, or sorts first.
    """
    known = list(facts)
    recordings = fold_recordings(known)
    family = fold_receipts(known, owner_of=Owners(base, recordings))
    recorded: dict[str, RecordedSend] = {}
    deliveries = dict(family.deliveries)
    for transid, recording in recordings.items():
        reported = [each for each in family.deliveries.values() if each.transid == transid]
        recorded[transid] = recording.fold()
        for each in recording.deliveries(reported):
            put(deliveries, (transid, each.destination_key), each, merge)
    return Family(family.reported, recorded, deliveries)


def fold_receipts(facts: Iterable[Fact], *, owner_of: Callable[[str, str], str]) -> Family:
    """Fold receipts alone; `owner_of` says which send each belongs to.

    It is asked with the transid as reported and the destination.
    """
    sends: dict[str, ReportedSend] = {}
    deliveries: dict[tuple[str, str], Delivery] = {}
    for fact in facts:
        receipt = fact.body
        if not isinstance(receipt, Receipt):
            continue
        own = transid_of(receipt.transid)
        owner = owner_of(receipt.transid, receipt.destination)
        put(sends, owner, send_of(fact, receipt, owner), merge_reported)
        if owner != own:
            put(sends, own, days_of(fact), merge_reported)
        delivery = delivery_of(fact, receipt, owner)
        put(deliveries, (owner, delivery.destination_key), delivery, merge)
    return Family(sends, {}, deliveries)


def put(into: dict[Key, Item], key: Key, item: Item, join: Callable[[Item, Item], Item]) -> None:
    """Join `item` with what `into` holds under `key`."""
    into[key] = join(into[key], item) if key in into else item


class Owners:
    """Says which send of a family a receipt belongs to, by what is recorded."""

    def __init__(self, base: str, recordings: Mapping[str, Recorded]) -> None:
        self._base = base
        self._recordings = recordings
        self._listed = recordings[base].destinations if base in recordings else {}

    def __call__(self, reported: str, destination: str) -> str:
        """Return the transid of the send: its own, or the base's if only that lists it."""
        transid = transid_of(reported)
        if transid in self._recordings or destination_key(destination) not in self._listed:
            return transid
        return self._base
