"""A batch of facts, reduced to what one transaction writes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Final
from uuid import UUID

from receiver.domain.facts import Fact, Notice, Quarantined, Receipt, Send
from receiver.domain.identity import base_of, destination_key, transid_of
from receiver.domain.ledger import put
from receiver.domain.sends import (
    ReportedSend,
    merge_reported,
    registered_transid,
    send_of,
    stored_transid,
)
from receiver.store import rows

#: A registration, known by its domain and our id, and the transid that completes it.
Completions = Mapping[tuple[str, UUID], str]
#: Table, transid or sender, digest, and day; recordings are not kept by day.
FactKey = tuple[str, str, bytes, date | None]
#: By its id, the row of a fact with its raw body.
Placed = Mapping[UUID, tuple[rows.Row, bytes]]
_TABLES: Final = {Receipt: "receipts", Send: "recordings", Quarantined: "quarantine"}


class Batch:
    """Facts that are applied together. `completions` are those known from before.

    It knows them as `completed`, and with those of its own facts as `completions`.
    """

    def __init__(self, facts: Sequence[Fact], completions: Completions) -> None:
        self.facts = facts
        self.completed = completions
        self.completions = dict(completions)
        for fact in facts:
            send = fact.body
            if isinstance(send, Send) and send.registration and send.transid:
                key, transid = (fact.domain, send.registration), transid_of(send.transid)
                self.completions[key] = min(transid, self.completions.get(key, transid))

    def transid_for(self, fact: Fact, send: Send) -> str:
        """Return the transid that a recording is kept under."""
        if send.registration and not send.transid:
            key = (fact.domain, send.registration)
            return self.completions.get(key) or stored_transid(send)
        return stored_transid(send)

    @cached_property
    def kept(self) -> Mapping[FactKey, Fact]:
        """The facts to keep: of copies the least by (accepted_at, id)."""
        least: dict[FactKey, Fact] = {}
        for fact in self.facts:
            key = self.key_of(fact)
            known = least.setdefault(key, fact)
            if known is not fact and (fact.accepted_at, fact.id) < (known.accepted_at, known.id):
                least[key] = fact
        return least

    def key_of(self, fact: Fact) -> FactKey:
        """Return the key of a fact's row: copies have it in common, as long as they name the same.

        A copy that was read otherwise can name another transid: then both are kept.
        """
        match fact.body:
            case Receipt(transid=transid):
                return "receipts", transid_of(transid), fact.digest, rows.day_of(fact)
            case Notice(sender=sender):
                return self.table_of(fact), destination_key(sender), fact.digest, rows.day_of(fact)
            case Quarantined():
                return "quarantine", "", fact.digest, rows.day_of(fact)
            case Send():
                return "recordings", self.transid_for(fact, fact.body), fact.digest, None

    @cached_property
    def inserts(self) -> Mapping[str, Placed]:
        """By table, the rows of the facts to keep."""
        found: dict[str, dict[UUID, tuple[rows.Row, bytes]]] = defaultdict(dict)
        for (table, *_), fact in self.kept.items():
            found[table][fact.id] = self._row(fact), fact.raw
        return found

    @staticmethod
    def table_of(fact: Fact) -> str:
        """Return the table that a fact is kept in."""
        if isinstance(fact.body, Notice):
            return "messages" if fact.body.kind == "message" else "platform_events"
        return _TABLES[type(fact.body)]

    def _row(self, fact: Fact) -> rows.Row:
        match fact.body:
            case Receipt():
                return rows.receipt_row(fact, fact.body)
            case Notice():
                return rows.notice_row(fact, fact.body)
            case Quarantined():
                return rows.quarantine_row(fact, fact.body)
            case Send():
                return rows.recording_row(fact, fact.body, self.transid_for(fact, fact.body))

    @cached_property
    def recorded_families(self) -> set[tuple[str, str]]:
        """The families that recordings of this batch change."""
        return {(domain, base_of(transid)) for domain, transid in self.recorded}

    @cached_property
    def recorded(self) -> set[tuple[str, str]]:
        """The domains and transids that recordings of this batch are, or were, kept under."""
        found: set[tuple[str, str]] = set()
        for fact in self.facts:
            send = fact.body
            if isinstance(send, Send):
                found.add((fact.domain, self.transid_for(fact, send)))
                if send.registration:
                    found.add((fact.domain, registered_transid(send.registration)))
                    before = self.completed.get((fact.domain, send.registration))
                    found |= {(fact.domain, before)} if before else set()
        return found

    @cached_property
    def sends(self) -> Mapping[tuple[str, str], ReportedSend]:
        """Every send that is touched, with what receipts say of it; so the rows of families.

        Receipts are taken to belong to their own transid, as if nothing were recorded.
        """
        touched: dict[tuple[str, str], ReportedSend] = {}
        for fact in self.kept.values():
            if isinstance(fact.body, Receipt):
                transid = transid_of(fact.body.transid)
                sent = send_of(fact, fact.body, transid)
                put(touched, (fact.domain, transid), sent, merge_reported)
        bases = [(domain, base_of(transid)) for domain, transid in (*touched, *self.recorded)]
        for key in (*bases, *self.recorded):
            touched.setdefault(key, ReportedSend())
        return touched


def waves(found: Placed) -> Sequence[Placed]:
    """Return receipts in groups that can be joined at once: of each delivery one a wave."""
    made: list[dict[UUID, tuple[rows.Row, bytes]]] = []
    reached: Counter[tuple[str, str, str]] = Counter()
    for id_, placed in found.items():
        row = placed[0]
        key = (row["domain"], row["transid"], row["destination_key"])
        if reached[key] == len(made):
            made.append({})
        made[reached[key]][id_] = placed
        reached[key] += 1
    return made


def registrations_of(facts: Iterable[Fact]) -> Sequence[UUID]:
    """Return the registrations that facts speak of."""
    sends = (fact.body for fact in facts if isinstance(fact.body, Send))
    return [send.registration for send in sends if send.registration]


def raw_bytes(facts: Iterable[Fact]) -> int:
    """Return how many bytes of raw bodies facts carry."""
    return sum(len(fact.raw) for fact in facts)
