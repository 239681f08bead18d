"""What a repeated send says otherwise than what is recorded of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from receiver.domain.facts import Fact, Send
from receiver.domain.identity import destination_key
from receiver.domain.recordings import fold_recordings
from receiver.domain.sends import stored_transid

_COMPARED: Final = (
    "correlationid",
    "channel",
    "sender",
    "text",
    "callback_data",
    "requested_at",
    "expires_at",
    "tag",
    "metadata",
)


def differing(send: Send, recorded: Iterable[Fact]) -> Sequence[str]:
    """Return the fields that `send` gives and that other recordings of it give otherwise."""
    recordings = list(fold_recordings(recorded).values())
    if not recordings:
        return []
    known = recordings[0]
    fields = [
        name
        for name in _COMPARED
        if getattr(send, name) and known.first(name) and getattr(send, name) != known.first(name)
    ]
    keys = {destination_key(each.value) for each in send.destinations}
    if keys and known.destinations and keys != known.destinations.keys():
        fields.append("destinations")
    return fields


class KnownSends:
    """Recordings of sends that were known before, by the send."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        self._transids: dict[UUID, str] = {}
        for fact in facts:
            if isinstance(fact.body, Send):
                transid = stored_transid(fact.body)
                self._facts[transid].append(fact)
                if fact.body.registration:
                    self._transids[fact.body.registration] = transid

    def transid_of(self, send: Send) -> str:
        """Return the transid that a send is kept under: a registered one may be completed."""
        if send.registration in self._transids:
            return self._transids[send.registration]
        return stored_transid(send)

    def others(self, fact: Fact, send: Send) -> Sequence[Fact]:
        """Return the recordings of the same send that are not this very one."""
        same = self._facts.get(self.transid_of(send), ())
        return [each for each in same if each.digest != fact.digest]
