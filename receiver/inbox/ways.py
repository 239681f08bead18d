"""Accepted, then durable: directly into the store, else into the spool."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

from receiver import metrics
from receiver.domain.errors import StoreAwayError
from receiver.domain.facts import Fact, Quarantined, Send
from receiver.domain.sends import send_id, stored_transid
from receiver.inbox.spool import Spool
from receiver.inbox.writer import Writer
from receiver.store.apply import Applied, Result


class Way(StrEnum):
    """How facts became durable."""

    DIRECT = "direct"
    SPOOL = "spool"


class Taken(Struct, frozen=True):
    """What became of facts, each in its place, and how."""

    results: Sequence[Applied]
    way: Way


class Inbox:
    """What makes facts durable. Without a spool there is but one way."""

    def __init__(self, writer: Writer, spool: Spool | None) -> None:
        self._writer = writer
        self._spool = spool

    def put(self, facts: Sequence[Fact]) -> Taken:
        """Return once all facts are durable.

        Raises:
            StoreAwayError: they are not known to be, and there is no spool.
            SpoolError: likewise, and the spool can't take them.

        """
        taken = self._put(facts)
        if facts and isinstance(facts[0].body, Send):
            for result, sends in Counter(each.result for each in taken.results).items():
                metrics.recorded(facts[0].domain, facts[0].source, result, sends)
        return taken

    def _put(self, facts: Sequence[Fact]) -> Taken:
        try:
            return Taken(self._writer.put(facts), Way.DIRECT)
        except StoreAwayError:
            if self._spool is None:
                raise
        self._spool.put(facts)
        waited = datetime.now(UTC) - facts[0].accepted_at
        metrics.spooled(len(facts), waited.total_seconds())
        return Taken([_presumed(fact) for fact in facts], Way.SPOOL)

    def close(self) -> None:
        """Give back the line to the store and the file of the spool; the next facts open others."""
        self._writer.close()
        if self._spool:
            self._spool.close()


def _presumed(fact: Fact) -> Applied:
    """Return what applying a fact would give, as far as that can be told without the store."""
    match fact.body:
        case Send() as send:
            return Applied(
                Result.ACCEPTED, send.registration or send_id(fact.domain, stored_transid(send))
            )
        case Quarantined():
            return Applied(Result.QUARANTINED, fact.id)
    return Applied(Result.ACCEPTED, fact.id)
