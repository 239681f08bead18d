"""From what a caller sends to the facts that are recorded."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from receiver.domain.facts import Fact, Send, Source, id_from, new_id, stamp
from receiver.platform.exchange import parse_exchange
from receiver.store.keys import ApiKey
from receiver.web.json_input import bad, load
from receiver.web.send_schemas import (
    COMPLETION,
    EXCHANGE,
    MOST_DESTINATIONS,
    MOST_SENDS,
    SEND,
    Exchange,
)


@dataclass(frozen=True, slots=True)
class Drafter:
    """Makes facts of what one request records."""

    key: ApiKey
    idempotency_key: str = ""
    """Makes the ids of sends without a transid the same when the request is repeated."""

    def facts_of(self, item: Any, index: int = 0) -> Sequence[Fact]:
        """Return the facts that one item stands for: an exchange can be several.

        Raises: BadInputError naming its fields.
        """
        sends = _exchanged(item) if _is_exchange(item) else [load(SEND, item)]
        # what several sends came in is kept once, with the first; the others only name it
        name = hashlib.sha256(_canonical(item)).hexdigest() if len(sends) > 1 else ""
        return [
            self._fact(send, {"part_of": name} if part else item, index, part)
            for part, send in enumerate(sends)
        ]

    def completion(self, registration: UUID, item: Any) -> Fact:
        """Return the fact that completes a registered send. Raises: BadInputError."""
        send = replace(load(COMPLETION, item), registration=registration)
        return self._stamped(send, item, 0)

    def _fact(self, send: Send, item: Any, index: int, part: int) -> Fact:
        if not send.transid:
            send = replace(send, registration=self._registration(index, part))
        return self._stamped(send, item, part)

    def _registration(self, index: int, part: int) -> UUID:
        if not self.idempotency_key:
            return new_id()
        names = ("idempotency", str(self.key.id), str(index), str(part), self.idempotency_key)
        return id_from(self.key.domain, *names)

    def _stamped(self, send: Send, item: Any, part: int) -> Fact:
        """Stamp a send; that the same content is the same fact is what makes repeats harmless.

        Two registered sends can have the same content, so their ids are part of it.
        """
        content = {"registration": str(send.registration), "send": item}
        points = self.key.point_ids
        return stamp(
            send,
            domain=self.key.domain,
            point_id=points[0] if len(points) == 1 else None,
            source=Source.API,
            raw=_canonical(content if send.registration else item),
            index=part,
        )


def _is_exchange(item: Any) -> bool:
    return isinstance(item, Mapping) and not item.keys().isdisjoint({"request", "response"})


def _exchanged(item: Any) -> Sequence[Send]:
    exchange: Exchange = load(EXCHANGE, item)
    sends = parse_exchange(exchange.request, exchange.response, http=exchange.http)
    if len(sends) > MOST_SENDS:
        raise bad("response", f"stands for more than {MOST_SENDS} sends")
    if any(len(send.destinations) > MOST_DESTINATIONS for send in sends):
        raise bad("request", f"has more than {MOST_DESTINATIONS} destinations")
    return sends


def _canonical(value: Any) -> bytes:
    """Return JSON that is the same for the same value; half surrogates survive, as escapes."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise bad("body", "is nested too deeply") from None
